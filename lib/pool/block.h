/* SPDX-License-Identifier: Apache-2.0 */
/* block.h: what single and bulk calls share. */
#ifndef OSMP_POOL_BLOCK_H
#define OSMP_POOL_BLOCK_H

#include <stdbool.h>

#include "os/os_mempool.h"

/* Whether puts go through a callback, or may at any time. Relaxed: a put that meets the end of
 * that, os_mempool_ext_clear(), may go either way. */
static inline bool
block_is_extended(const struct os_mempool *mp)
{
    return (__atomic_load_n(&mp->mp_flags, __ATOMIC_RELAXED) & OS_MEMPOOL_F_EXT) != 0;
}

/* Why a put, whose frame is given, may not call the put callback for an address; 0 if it is a block
 * of the pool's that is out and in no callback. A pool under the word check is looked at; what is
 * found is reported. */
int block_problem(struct os_mempool *mp, void *block, uintptr_t frame, const void *caller);

/* Counts and reports a put that is refused before it comes to the list; OS_INVALID_PARM. */
os_error_t block_refuse(struct os_mempool *mp, int problem, const void *block, const void *caller);

/* Put for an extended pool, with its callback if it has one. The frame is that of the put. */
os_error_t
block_put_extended(struct os_mempool *mp, void *block, uintptr_t frame, const void *caller);

#endif
