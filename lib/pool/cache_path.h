/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_path.h: get and put through the calling thread's cache, without the pool's lock.
 *
 * The hot path of a cached pool; all else about caches is in cache.h. The section is entered like
 * an owner's (os_mempool_inline.h), with `open` in the place of `owner`.
 */
#ifndef OSMP_POOL_CACHE_PATH_H
#define OSMP_POOL_CACHE_PATH_H

#include "base/compiler.h"
#include "pool/cache_table.h"
#include "pool/freelist.h"

/* Release: pairs with the acquires in counts_sum(), which reads all puts and then all gets. */
static inline void
cache_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELEASE);
}

/* Relaxed: snapshots read it for its own sake. */
static inline void
cache_set_n(struct cache *cache, uint32_t n)
{
    __atomic_store_n(&cache->n, n, __ATOMIC_RELAXED);
}

/* Relaxed: a first look, or under the lock that orders all changes. */
static inline bool
cache_is_open(const struct cache *cache)
{
    return __atomic_load_n(&cache->open, __ATOMIC_RELAXED) != 0;
}

/* Release: pairs with the claimer's acquire in cache_collect(). */
static inline void
cache_leave(struct cache *cache)
{
    __atomic_store_n(&cache->busy, (const struct os_mempool *)NULL, __ATOMIC_RELEASE);
}

/*
 * Enters a section of the caller's cache; NULL if it has none or it is closed. The same Dekker pair
 * as osmp_enter(), with `open` in the place of `owner`; the revoker's side is cache_stop().
 */
static inline struct cache *
cache_enter(const struct os_mempool *mp, const struct cache_set *set)
{
    struct cache *cache = cache_table_find(set);

    if (osmp_unlikely(cache == NULL || !cache_is_open(cache))) {
        return NULL;
    }
    __atomic_store_n(&cache->busy, mp, OSMP_DEKKER_STORE);
    __asm__ volatile("" ::: "memory");
    if (osmp_unlikely(!__atomic_load_n(&cache->open, OSMP_DEKKER_LOAD))) {
        cache_leave(cache);
        return NULL;
    }
    return cache;
}

static inline void *
cache_get(struct os_mempool *mp, const struct cache_set *set)
{
    struct cache *cache = cache_enter(mp, set);
    void *block = NULL;

    if (osmp_unlikely(cache == NULL)) {
        return NULL;
    }
    if (osmp_likely(cache->n > 0)) {
        block = cache->blocks[cache->n - 1];
        *freelist_key_word(mp, block) = 0;
        cache_set_n(cache, cache->n - 1);
        cache_add(&cache->gets, 1);
    }
    cache_leave(cache);
    return block;
}

/* Marks a block free, unless it is none of the pool's or looks free already. */
static inline bool
cache_mark(const struct os_mempool *mp, void *block)
{
    uintptr_t key = osmp_key(mp, block);
    osmp_word *word;

    if (osmp_unlikely(!geometry_holds(mp, block))) {
        return false;
    }
    word = freelist_key_word(mp, block);
    if (osmp_unlikely(*word == key)) {
        return false;
    }
    *word = key;
    return true;
}

static inline bool
cache_put(struct os_mempool *mp, const struct cache_set *set, void *block)
{
    struct cache *cache = cache_enter(mp, set);
    bool done;

    if (osmp_unlikely(cache == NULL)) {
        return false;
    }
    done = osmp_likely(cache->n < cache->depth) && cache_mark(mp, block);
    if (done) {
        cache->blocks[cache->n] = block;
        cache_set_n(cache, cache->n + 1);
        cache_add(&cache->puts, 1);
    }
    cache_leave(cache);
    return done;
}

#endif
