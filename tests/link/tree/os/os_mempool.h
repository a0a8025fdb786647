/* SPDX-License-Identifier: Apache-2.0 */
/* tree/os/os_mempool.h: the tree's own pools, whose place this library's take. */
#ifndef _OS_MEMPOOL_H_
#define _OS_MEMPOOL_H_

#include <stdint.h>

#include "os/os.h"
#include "os/queue.h"

#define OS_MEMPOOL_INFO_NAME_LEN 32

struct os_mempool {
    uint32_t mp_block_size;
    uint16_t mp_num_blocks;
    STAILQ_ENTRY(os_mempool) mp_list;
};

os_error_t os_mempool_init(struct os_mempool *mp, uint16_t blocks, uint32_t block_size,
                           void *membuf, char *name);

#endif
