/* SPDX-License-Identifier: Apache-2.0 */
/* tree/os/os_mbuf.h: something on top of pools, which knows them by their name. */
#ifndef TREE_OS_MBUF_H
#define TREE_OS_MBUF_H

#include "os/os_mempool.h"
#include "os/queue.h"

struct os_mbuf_pool {
    struct os_mempool *pool;
    STAILQ_ENTRY(os_mbuf_pool) next;
};

#endif
