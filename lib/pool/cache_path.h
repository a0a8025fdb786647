/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_path.h: get and put through the calling thread's cache, without the pool's lock.
 *
 * The hot path of a cached pool; all else about caches is in cache.h. The section is entered like
 * an owner's (os_mempool_inline.h), with "my cache is open" in the place of "I am the owner".
 */
#ifndef OSMP_POOL_CACHE_PATH_H
#define OSMP_POOL_CACHE_PATH_H

#include <string.h>

#include "base/compiler.h"
#include "pool/cache_table.h"
#include "pool/freelist.h"

/* Relaxed: a first look, or under the lock that orders all changes. */
static inline bool
cache_is_open(const struct cache *cache)
{
    return __atomic_load_n(&cache->open_tp, __ATOMIC_RELAXED) != 0;
}

/* Release: pairs with the claimer's acquire in cache_collect(). */
static inline void
cache_leave(struct cache *cache)
{
    __atomic_store_n(&cache->busy, (const struct os_mempool *)NULL, __ATOMIC_RELEASE);
}

/*
 * Enters a section of a cache; false if it is not the caller's, or closed. The same Dekker pair as
 * osmp_enter(), with `open_tp` in the place of `owner`; the revoker's side is cache_stop(). The
 * first look is relaxed: whose the cache is tells only its thread something, which set it itself.
 */
static inline bool
cache_enter(struct cache *cache, const struct os_mempool *mp, uintptr_t tp)
{
    if (osmp_unlikely(osmp_differs(&cache->open_tp, tp, __ATOMIC_RELAXED))) {
        return false;
    }
    __atomic_store_n(&cache->busy, mp, OSMP_DEKKER_STORE);
    __asm__ volatile("" ::: "memory");
    if (osmp_unlikely(osmp_differs(&cache->open_tp, tp, OSMP_DEKKER_LOAD))) {
        cache_leave(cache);
        return false;
    }
    return true;
}

/* Where a block's key is, by what the cache knows. */
static inline osmp_word *
cache_key_word(const struct cache *cache, void *block)
{
    size_t offset = geometry_key_offset(block, cache->key_mask);

    return (osmp_word *)(void *)((char *)block + offset);
}

/* Takes the last block of a cache; false if it has none, or its count of gets would wrap. */
static inline bool
cache_pop(struct cache *cache, void **block)
{
    uint64_t word = cache->counts;
    size_t held = word & CACHE_HELD_MASK;

    if (osmp_unlikely(held == 0 || __builtin_add_overflow(word, OSMP_COUNTS_GET, &word))) {
        return false;
    }
    *block = cache->blocks[held - 1];
    *cache_key_word(cache, *block) = 0;
    cache_store(cache, word);
    return true;
}

/* Marks a block free, unless it is none of the pool's or looks free already. */
static inline bool
cache_mark(const struct os_mempool *mp, const struct cache *cache, void *block)
{
    uintptr_t key = osmp_key(mp, block);
    osmp_word *word;

    if (osmp_unlikely(!geometry_span_holds(mp, &cache->span, block))) {
        return false;
    }
    word = cache_key_word(cache, block);
    if (osmp_unlikely(osmp_peek(word) == key)) {
        return false;
    }
    *word = key;
    return true;
}

/* Puts a block into a cache; false if it is full, or the block cannot be marked. */
static inline bool
cache_push(const struct os_mempool *mp, struct cache *cache, void *block)
{
    uint64_t word = cache->counts;

    if (osmp_unlikely(cache_held(word) >= cache->depth || !cache_mark(mp, cache, block))) {
        return false;
    }
    cache->blocks[cache_held(word)] = block;
    cache_store(cache, word + 1);
    return true;
}

static inline bool
cache_get(const struct os_mempool *mp, struct cache *cache, uintptr_t tp, void **block)
{
    bool done;

    if (osmp_unlikely(!cache_enter(cache, mp, tp))) {
        return false;
    }
    done = cache_pop(cache, block);
    cache_leave(cache);
    return done;
}

static inline bool
cache_put(const struct os_mempool *mp, struct cache *cache, uintptr_t tp, void *block)
{
    bool done;

    if (osmp_unlikely(!cache_enter(cache, mp, tp))) {
        return false;
    }
    done = cache_push(mp, cache, block);
    cache_leave(cache);
    return done;
}

#endif
