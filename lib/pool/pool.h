/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h: what the registry does with a pool. */
#ifndef OSMP_POOL_POOL_H
#define OSMP_POOL_POOL_H

#include "os/os_mempool.h"

/*
 * Fills in a pool whose measures have passed geometry_check(): all blocks free, all counters 0.
 * Nobody else may use the pool or read its counters meanwhile.
 */
void pool_format(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
                 const char *name);

#endif
