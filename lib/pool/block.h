/* SPDX-License-Identifier: Apache-2.0 */
/* block.h: what single and bulk calls share. */
#ifndef OSMP_POOL_BLOCK_H
#define OSMP_POOL_BLOCK_H

#include <stdbool.h>

#include "os/os_mempool.h"

/* Whether puts go through a callback, or may at any time. */
static inline bool
block_is_extended(const struct os_mempool *mp)
{
    return mp != NULL && (mp->mp_flags & OS_MEMPOOL_F_EXT) != 0;
}

/* Whether a put callback may be called for the block: it is the pool's, out, and in no callback. */
bool block_looks_out(struct os_mempool *mp, void *block);

/* Counts a put that is refused before it comes to the list; OS_INVALID_PARM. */
os_error_t block_refuse(struct os_mempool *mp);

#endif
