/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_table.h: which cache of a pool is whose.
 *
 * A table of pointers, indexed by a hash of the thread pointer; a thread's cache is in one of the
 * CACHE_WINDOW slots from there. Looking up takes no lock: whatever a slot holds is a cache of this
 * pool, and only the caller's own bears its thread pointer. A table that is replaced by a larger
 * one is kept, as others may still look into it: they miss at worst, and then take the lock.
 *
 * Synchronization: cache_table_find() at any time, the rest under the pool's lock.
 */
#ifndef OSMP_POOL_CACHE_TABLE_H
#define OSMP_POOL_CACHE_TABLE_H

#include "layout/cache.h"
#include "sync/thread.h"

/* A set with an empty table; NULL if there is no memory. */
struct cache_set *cache_table_new_set(void);

/* Frees a set with all its caches and tables. */
void cache_table_free_set(struct cache_set *set);

/* The caller's cache, closed and empty, with room for the set's depth; made, or taken over from a
 * dead thread, if it has none. NULL if there is no memory. */
struct cache *cache_table_own(struct cache_set *set);

/* Multiplicative hash (Knuth, The Art of Computer Programming 3, 6.4); its high bits are good. */
static inline size_t
cache_table_home(const struct cache_table *table, uintptr_t tp)
{
    return (size_t)((uint64_t)tp * 0x9e3779b97f4a7c15u >> (64 - table->bits));
}

/* Relaxed: written under the pool's lock; a reader without it cares for its own pointer only. */
static inline void
cache_table_set_thread(struct cache *cache, struct thread *thread)
{
    cache->thread = thread;
    __atomic_store_n(&cache->tp, thread != NULL ? thread->hot.tp : 0, __ATOMIC_RELAXED);
}

/*
 * Acquire for table and slots: pairs with the releases that publish them. A cache's tp is
 * written by that thread itself or cleared; relaxed, as only one's own makes a difference.
 */
static inline struct cache *
cache_table_find(const struct cache_set *set)
{
    const struct cache_table *table = __atomic_load_n(&set->table, __ATOMIC_ACQUIRE);
    const uintptr_t tp = osmp_thread_pointer();
    const size_t home = cache_table_home(table, tp);

    for (size_t i = 0; i < CACHE_WINDOW; i++) {
        struct cache *cache = __atomic_load_n(&table->slots[home + i], __ATOMIC_ACQUIRE);

        if (cache != NULL && __atomic_load_n(&cache->tp, __ATOMIC_RELAXED) == tp) {
            return cache;
        }
    }
    return NULL;
}

#endif
