/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h: what a pool's thread caches look like in memory.
 *
 * A cache holds pointers to free blocks in an array, of which its thread alone takes and gives the
 * last. It belongs to its pool: a thread finds its own by hashing its thread pointer into the
 * pool's table and verifying. A dead thread's cache is used again by the next; caches and tables
 * are freed when the pool is unregistered.
 *
 * Synchronization:
 *   open            Dekker flag, as `owner` of a pool: its thread enters (busy), looks again, and
 *                   works; a claimer under the pool's lock closes, sends a barrier, waits for busy
 *   n, blocks,      its thread in a section; anybody under the lock once the cache is closed and
 *   gets, puts      busy was waited for. n, gets, puts are also read by snapshots, relaxed
 *   busy            written by its thread; a word of the cache and not of the thread's record, as
 *                   a cache has one thread, and it saves the way to the record
 *   tp              written under the pool's lock; read by any thread that looks for its own
 *   all the rest    under the pool's lock
 */
#ifndef OSMP_LAYOUT_CACHE_H
#define OSMP_LAYOUT_CACHE_H

#include <stdbool.h>

#include "layout/tail.h"
#include "os/os_mempool_inline.h"

/* A thread's slot is one of this many from its hash on; where all are taken the table grows. */
enum { CACHE_WINDOW = 4 };

struct cache {
    uintptr_t tp;                  /* whose: the thread's pointer; 0 nobody's */
    const struct os_mempool *busy; /* its pool while the thread is in a section, else NULL */
    uint32_t open;
    uint32_t n;
    uint32_t depth;  /* room in blocks */
    uint32_t paused; /* closed by a visit, to be opened again after it */
    void **blocks;
    uint64_t gets; /* served from this cache, by whichever thread had it */
    uint64_t puts;
    struct cache *next;
    struct thread *thread; /* whose, too, for its end */
} __attribute__((aligned(64)));

struct cache_table {
    struct cache_table *older; /* still read by threads that found it before it was replaced */
    unsigned bits;
    struct cache *slots[];
};

struct cache_set {
    struct cache_table *table;
    struct cache *all;
    uint32_t depth; /* 0 while disabled */
    uint32_t n_open;
    uint32_t run;        /* operations under the lock since the last claim */
    uint32_t run_needed; /* those that pay for the next one */
    uint64_t open_from;  /* operations in caches at the last opening */
};

/* The pool's caches, or NULL: for threads without the lock. Acquire: pairs with the release that
 * publishes a set, so its table is seen. */
static inline struct cache_set *
cache_set_of(const struct os_mempool *mp)
{
    return __atomic_load_n(&pool_tail_const(mp)->caches, __ATOMIC_ACQUIRE);
}

/* The newest cache of a set, for snapshots, which take no pool's lock: caches are only ever added
 * in front. Acquire: pairs with the release that adds one, so its counters are seen as 0, not as
 * what the memory held before. */
static inline const struct cache *
cache_set_first(const struct cache_set *set)
{
    return __atomic_load_n(&set->all, __ATOMIC_ACQUIRE);
}

/* Under the pool's lock: whether blocks may be in caches and counters in parts. */
static inline bool
cache_is_enabled(const struct os_mempool *mp)
{
    const struct cache_set *set = pool_tail_const(mp)->caches;

    return set != NULL && set->depth > 0;
}

#endif
