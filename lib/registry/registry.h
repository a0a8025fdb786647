/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h: the set of registered pools.
 *
 * Registering is what makes a pool exist: os_mempool_init() formats and links. Pools are kept
 * twice, in a list in order of registration and in a tree by address. The tree tells whether a
 * pool is registered without a look at the caller's struct, which may be uninitialised or freed.
 *
 * Synchronization: one mutex guards list and tree; every function here takes it itself, but those
 * that say that the caller holds it.
 * Lock order: freeze, registry, pool.
 */
#ifndef OSMP_REGISTRY_REGISTRY_H
#define OSMP_REGISTRY_REGISTRY_H

#include <stddef.h>

#include "layout/counts.h"

/* Number of registered pools. */
size_t registry_count(void);

/*
 * Copies the counters of up to room pools, in order of registration, and returns the number of
 * pools that there are. No pool's lock is taken; the registry's is held for the copy only.
 */
size_t registry_copy(struct pool_counts *counts, size_t room);

#endif
