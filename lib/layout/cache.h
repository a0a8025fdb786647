/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h: what a pool's thread caches look like in memory.
 *
 * A cache holds pointers to free blocks in an array, of which its thread alone takes and gives the
 * last. It belongs to its pool: a thread finds its own where the pool itself leads to it (near), or
 * by its thread pointer in the set's homes or tables, and verifies. A dead thread's cache is used
 * again by the next; caches and tables are freed when the pool is unregistered, or when one that
 * was dropped is initialised again.
 *
 * What a cache counts is one word like the pool's own (counts.h), so that an operation is one
 * addition: gets that it served in the high half, blocks that it holds in the low bits. Puts
 * follow: what it holds is what it was given (moved) less gets plus puts. A batch changes what it
 * holds and what it was given together, though they are two words: there are two of the latter, and
 * the number of the batch, in the bits between, tells which of them belongs to the word.
 *
 * Between the caches and the list stands the depot, an array of pointers that full caches give to
 * and empty ones take from: a batch that went through the list would have to be followed block by
 * block, each in another core's cache. Its blocks count as the list's.
 *
 * Synchronization:
 *   open_tp         Dekker flag, as `owner` of a pool: its thread enters (busy), looks again, and
 *                   works; a claimer under the pool's lock closes, sends a barrier, waits for busy
 *   counts, blocks  its thread in a section; anybody under the lock once the cache is closed and
 *                   busy was waited for. counts is also read by snapshots
 *   moved           under the lock; cache_puts() says how it is read
 *   gets_before     under the lock, in an odd phase of the pool's counters
 *   near            written under the lock; read at any time, cache_near()
 *   busy            written by its thread; a word of the cache and not of the thread's record, as
 *                   a cache has one thread, and it saves the way to the record
 *   all the rest    under the pool's lock
 */
#ifndef OSMP_LAYOUT_CACHE_H
#define OSMP_LAYOUT_CACHE_H

#include <stdbool.h>

#include "layout/counts.h"
#include "layout/geometry.h"
#include "layout/tail.h"
#include "os/os_mempool_inline.h"

struct cache {
    uint64_t counts;               /* gets, of whichever threads had it, and blocks held */
    const struct os_mempool *busy; /* its pool while the thread is in a section, else NULL */
    uintptr_t open_tp;             /* its thread's pointer while it is open, else 0 */
    void **blocks;
    uint32_t depth;            /* room in blocks */
    uint32_t key_mask;         /* where the pool's blocks have their keys: geometry_key_offset() */
    struct geometry_span span; /* which addresses are the pool's blocks' */
    bool paused;               /* closed by a visit, to be opened again after it */
    uintptr_t tp;              /* whose: the thread's pointer; 0 nobody's */
    uint64_t moved[2];         /* blocks given to it by the lock's path, less those taken */
    uint64_t gets_before;      /* gets that counts has no room for any more */
    struct thread *thread;     /* whose, too, for its end */
    struct cache *next;
} __attribute__((aligned(64)));

/* A thread's pointer, 0 in a slot that was never filled, and the cache that was its own then. */
struct cache_slot {
    uintptr_t tp;
    struct cache *cache;
};

struct cache_table {
    struct cache_table *smaller; /* the one before; NULL if it is the first */
    unsigned bits;               /* 2^bits slots */
    struct cache_slot slots[];
};

/* A power of two. A constant, as a load of it would stand before all others of a get or a put. */
enum { CACHE_HOMES = 64 };

/* Low bits of a cache's word: blocks held, and the number of the last batch. */
#define CACHE_HELD_BITS  17
#define CACHE_HELD_MASK  ((1u << CACHE_HELD_BITS) - 1)
#define CACHE_BATCH_MASK (~CACHE_HELD_MASK)

struct cache_set {
    struct cache *homes[CACHE_HOMES]; /* never NULL: cache_table.h */
    struct cache_table *table;        /* the largest; NULL if there is none yet */
    struct cache *all;
    void **depot;
    uint32_t depot_n;
    uint32_t depot_room;
    uint32_t depth;    /* 0 while disabled */
    uint32_t list_min; /* blocks that the list keeps while a cache is open: pool/cache.h */
    uint32_t n_open;
    uint32_t run;        /* operations under the lock since the last claim */
    uint32_t run_needed; /* those that pay for the next one */
    uint64_t open_from;  /* operations in caches at the last opening */
};

/* The pool's caches if some are or were open, else NULL: for threads without the lock. Acquire:
 * pairs with the release that publishes the set, so its slots are seen. */
static inline const struct cache_set *
cache_set_of(const struct os_mempool *mp)
{
    return __atomic_load_n(&pool_tail_const(mp)->open_caches, __ATOMIC_ACQUIRE);
}

static_assert(POOL_NEAR == 2, "cache_near() looks at two");

/*
 * The place of a thread's cache among those that the pool itself leads to, which saves a look into
 * the set; NULL if it has none there. At most two threads have one, from the opening of a cache
 * until a claim, and in extended pools nobody, so that a put which finds one need not look for a
 * callback. It is a place to look at, as a home is: the section makes sure that the cache is the
 * caller's, and open.
 *
 * Relaxed: a thread's own pointer stands there only if it wrote it itself, or one with the same
 * pointer did that had ended before. So the cache beside it, written before, is seen, too; it may
 * be another's by now, but is one of this pool's.
 */
static inline const struct pool_near *
cache_near(const struct os_mempool *mp, uintptr_t tp)
{
    const struct pool_near *near = pool_tail_const(mp)->near;

    if (osmp_rarely(osmp_differs(&near->tp, tp, __ATOMIC_RELAXED))) {
        near++;
        if (osmp_differs(&near->tp, tp, __ATOMIC_RELAXED)) {
            return NULL;
        }
    }
    return near;
}

/* Acquire: pairs with the release in cache_bring_near(). */
static inline struct cache *
cache_near_cache(const struct pool_near *near)
{
    return __atomic_load_n(&near->cache, __ATOMIC_ACQUIRE);
}

/* The newest cache of a set, for snapshots, which take no pool's lock: caches are only ever added
 * in front. Acquire: pairs with the release that adds one, so its counters are seen as 0, not as
 * what the memory held before. */
static inline const struct cache *
cache_set_first(const struct cache_set *set)
{
    return __atomic_load_n(&set->all, __ATOMIC_ACQUIRE);
}

/* Blocks that a cache holds, of its word. */
static inline uint32_t
cache_held(uint64_t word)
{
    return (uint32_t)word & CACHE_HELD_MASK;
}

/* Which `moved` belongs to a word. */
static inline size_t
cache_which_moved(uint64_t word)
{
    return word >> CACHE_HELD_BITS & 1;
}

/*
 * The word, for anybody. Acquire: pairs with the release in cache_store(), so a reader that adds up
 * puts and then gets never sees a put whose get it misses.
 */
static inline uint64_t
cache_load(const struct cache *cache)
{
    return __atomic_load_n(&cache->counts, __ATOMIC_ACQUIRE);
}

static inline void
cache_store(struct cache *cache, uint64_t word)
{
    __atomic_store_n(&cache->counts, word, __ATOMIC_RELEASE);
}

/* Gets that a cache served. Acquire for what changes in odd phases: counts.h. */
static inline uint64_t
cache_gets(const struct cache *cache)
{
    uint64_t before = __atomic_load_n(&cache->gets_before, __ATOMIC_ACQUIRE);

    return before + counts_gets(cache_load(cache));
}

/*
 * Puts that it took. If there was no batch between the two looks at the word, what was given is
 * that of the first: it is overwritten by the next batch but one. Acquire, so that they stay in
 * order.
 */
static inline uint64_t
cache_puts(const struct cache *cache)
{
    uint64_t before = __atomic_load_n(&cache->gets_before, __ATOMIC_ACQUIRE);
    uint64_t moved;
    uint64_t word;

    do {
        word = cache_load(cache);
        moved = __atomic_load_n(&cache->moved[cache_which_moved(word)], __ATOMIC_ACQUIRE);
    } while (((word ^ cache_load(cache)) & CACHE_BATCH_MASK) != 0);
    return before + counts_gets(word) + cache_held(word) - moved;
}

/* Under the pool's lock: whether blocks may be in caches and counters in parts. */
static inline bool
cache_is_enabled(const struct os_mempool *mp)
{
    const struct cache_set *set = pool_tail_const(mp)->caches;

    return set != NULL && set->depth > 0;
}

/* With the registry's mutex, or under the pool's lock: how deep its caches are; 0 without any. */
static inline uint32_t
cache_depth(const struct os_mempool *mp)
{
    const struct cache_set *set = pool_tail_const(mp)->caches;

    return set != NULL ? set->depth : 0;
}

#endif
