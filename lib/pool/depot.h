/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depot.h: batches of block pointers between a pool's caches and its list.
 *
 * The depot is an array that takes and gives its last. It has no room where there was no memory for
 * one: then batches go through the list.
 *
 * Synchronization: under the pool's lock.
 */
#ifndef OSMP_POOL_DEPOT_H
#define OSMP_POOL_DEPOT_H

#include <string.h>

#include "layout/cache.h"

/* Puts up to n pointers into the depot; how many had room. */
static inline uint32_t
depot_put(struct cache_set *set, void *const *from, uint32_t n)
{
    uint32_t room = set->depot_room - set->depot_n;

    n = n < room ? n : room;
    if (n > 0) {
        memcpy(&set->depot[set->depot_n], from, n * sizeof(*from));
        set->depot_n += n;
    }
    return n;
}

/* Takes up to n pointers out, in the order of the array; how many there were. */
static inline uint32_t
depot_take(struct cache_set *set, void **to, uint32_t n)
{
    n = n < set->depot_n ? n : set->depot_n;
    if (n > 0) {
        set->depot_n -= n;
        memcpy(to, &set->depot[set->depot_n], n * sizeof(*to));
    }
    return n;
}

#endif
