/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_table.h: which cache of a pool is whose.
 *
 * A thread's cache is in the set's home for its thread pointer, or, if another's is there, only in
 * a table, in the bucket that a hash of the pointer chooses. Looking up takes no lock: whatever a
 * slot holds is a cache of this pool, or one that is nobody's, and only the caller's own bears its
 * thread pointer.
 *
 * There are up to four tables, each eight times as large as the one before, and looked at from the
 * largest on. One is added, empty, by the first thread that finds its buckets full in all others;
 * nothing in them moves, so it does not matter who is looking into them. A thread that finds its
 * buckets full in all four, or no memory for the next one, has no cache.
 *
 * Synchronization: cache_table_home(), cache_table_beside() and cache_table_find() at any time, the
 * rest under the pool's lock.
 */
#ifndef OSMP_POOL_CACHE_TABLE_H
#define OSMP_POOL_CACHE_TABLE_H

#include "base/compiler.h"
#include "layout/cache.h"
#include "sync/thread.h"

/* What stands in empty slots: always closed, and of no thread. */
extern struct cache cache_nobodys;

/* A set without a cache; NULL if there is no memory. */
struct cache_set *cache_table_new_set(void);

/* Frees a set with all its caches and tables. */
void cache_table_free_set(struct cache_set *set);

/* The caller's cache, closed and empty, with room for the set's depth; made, or taken over from a
 * dead thread, if it has none. NULL if there is no memory. */
struct cache *cache_table_own(struct cache_set *set, struct thread *thread);

/* Puts the cache of the thread whose pointer it bears into a table; false if there is no slot. */
bool cache_table_place(struct cache_set *set, struct cache *cache);

/* The caller's cache, open or not; NULL if it has none. */
struct cache *cache_table_find(const struct cache_set *set);

/* The caller's cache if it is open, wherever it is; NULL otherwise. */
OSMP_COLD struct cache *cache_table_beside(const struct cache_set *set);

/* Relaxed: written under the pool's lock; a reader without it cares for its own pointer only. */
static inline void
cache_table_set_thread(struct cache *cache, struct thread *thread)
{
    cache->thread = thread;
    __atomic_store_n(&cache->tp, thread != NULL ? thread->hot.tp : 0, __ATOMIC_RELAXED);
}

/* Acquire: pairs with the release that fills a slot, so the cache is seen as it was made. */
static inline struct cache *
cache_table_slot(struct cache *const *slot)
{
    return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/*
 * A home is chosen by the page of the thread pointer, which lies in the thread's stack: stacks with
 * their guard pages are mostly an odd number of pages apart, so neighbours have homes of their own.
 */
static inline size_t
cache_table_home_index(uintptr_t tp)
{
    return (size_t)(tp >> 12) % CACHE_HOMES;
}

/* The cache at a thread's home, whoever's it is. */
static inline struct cache *
cache_table_home(const struct cache_set *set, uintptr_t tp)
{
    return cache_table_slot(&set->homes[cache_table_home_index(tp)]);
}

#endif
