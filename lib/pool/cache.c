/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "pool/cache_path.h"
#include "pool/owner.h"
#include "sync/wait.h"

/*
 * What a claim costs, measured: some 18 us, against some 23 ns that a cached operation saves, so an
 * open time of 800 operations has paid.
 */
enum { CACHE_RUN_MIN = 256, CACHE_RUN_MAX = 50000, CACHE_PAID = 800 };

/* A key for each of up to this many cache lines of a block. */
enum { CACHE_KEY_LINES_MAX = 32, CACHE_LINE = 64 };

static struct cache_set *
cache_set(struct os_mempool *mp)
{
    return pool_tail(mp)->caches;
}

static uint32_t
cache_batch(uint32_t depth)
{
    return depth > 1 ? depth / 2 : 1;
}

bool
cache_get_bulk(struct os_mempool *mp, const struct cache_set *set, void **blocks, uint32_t n)
{
    struct cache *cache = cache_enter(mp, set);
    bool done;

    if (osmp_unlikely(cache == NULL)) {
        return false;
    }
    done = cache->n >= n;
    if (osmp_likely(done)) {
        memcpy(blocks, &cache->blocks[cache->n - n], n * sizeof(*blocks));
        for (uint32_t i = 0; i < n; i++) {
            *freelist_key_word(mp, blocks[i]) = 0;
        }
        cache_set_n(cache, cache->n - n);
        cache_add(&cache->gets, n);
    }
    cache_leave(cache);
    return done;
}

/* Marks n blocks free, or none if one of them cannot be or stands twice. */
static bool
cache_mark_all(const struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    uint32_t marked = 0;

    while (marked < n && cache_mark(mp, blocks[marked])) {
        marked++;
    }
    if (osmp_likely(marked == n)) {
        return true;
    }
    while (marked > 0) {
        *freelist_key_word(mp, blocks[--marked]) = 0;
    }
    return false;
}

bool
cache_put_bulk(struct os_mempool *mp, const struct cache_set *set, void *const *blocks, uint32_t n)
{
    struct cache *cache = cache_enter(mp, set);
    bool done;

    if (osmp_unlikely(cache == NULL)) {
        return false;
    }
    done = osmp_likely(cache->depth - cache->n >= n) && cache_mark_all(mp, blocks, n);
    if (done) {
        memcpy(&cache->blocks[cache->n], blocks, n * sizeof(*blocks));
        cache_set_n(cache, cache->n + n);
        cache_add(&cache->puts, n);
    }
    cache_leave(cache);
    return done;
}

/* Operations served by caches so far, the measure of an open time. */
static uint64_t
cache_served(const struct cache_set *set)
{
    uint64_t served = 0;

    for (const struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        served += cache->gets + cache->puts;
    }
    return served;
}

bool
cache_stop(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);
    bool stopped = false;

    if (set == NULL || set->n_open == 0) {
        return false;
    }
    for (struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        if (cache_is_open(cache)) {
            __atomic_store_n(&cache->open, 0, OSMP_DEKKER_STORE);
            cache->paused = 1;
            stopped = true;
        }
    }
    set->n_open = 0;
    return stopped;
}

/* The blocks of a cache whose thread is out of it. */
static void
cache_empty(struct os_mempool *mp, struct cache *cache)
{
    freelist_give(mp, cache->blocks, cache->n);
    cache_set_n(cache, 0);
}

/* After cache_stop() and a barrier: waits for each thread to be out of its section. */
void
cache_collect(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        if (cache->paused) {
            sync_wait_while(&cache->busy, mp);
            cache_empty(mp, cache);
        }
    }
}

void
cache_pause(struct os_mempool *mp)
{
    if (cache_stop(mp)) {
        owner_barrier();
        cache_collect(mp);
    }
}

/*
 * Opening for another thread: release, which that thread's acquire in cache_enter() pairs with, so
 * it finds the cache as empty as it was left here.
 */
static void
cache_end_pause(struct os_mempool *mp, bool reopen)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        if (cache->paused && reopen && cache->tp != 0) {
            __atomic_store_n(&cache->open, 1, __ATOMIC_RELEASE);
            set->n_open++;
        }
        cache->paused = 0;
    }
}

/*
 * Opened again in any case, even where caches are over: a closed one would not be waited for, and
 * a thread may be in it.
 */
bool
cache_try_pause(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);
    struct cache *cache;

    if (!cache_stop(mp)) {
        return true;
    }
    owner_barrier();
    for (cache = set->all; cache != NULL; cache = cache->next) {
        if (cache->paused && !sync_wait_briefly(&cache->busy, mp)) {
            cache_end_pause(mp, true);
            return false;
        }
        if (cache->paused) {
            cache_empty(mp, cache);
        }
    }
    return true;
}

/* A frozen pool's caches were closed by the fork, not by the caller; the fork opens them again. */
void
cache_resume(struct os_mempool *mp)
{
    if ((pool_tail(mp)->gate & POOL_GATE_FROZEN) == 0) {
        cache_end_pause(mp, owner_is_allowed());
    }
}

/* Takes all caches' blocks for good and raises the price of opening. */
static OSMP_COLD void
cache_claim(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    cache_pause(mp);
    cache_end_pause(mp, false);
    set->run = 0;
    set->run_needed =
        owner_next_run(set->run_needed, cache_served(set) - set->open_from >= CACHE_PAID);
}

void
cache_before_get(struct os_mempool *mp, uint32_t n)
{
    if (osmp_unlikely(freelist_count(mp) < n && cache_set(mp)->n_open > 0)) {
        cache_claim(mp);
    }
}

/* Opens the caller's cache, made for it if need be. No memory, no cache: that is no failure. */
static OSMP_COLD void
cache_open(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);
    struct cache *cache = owner_is_allowed() ? cache_table_own(set) : NULL;

    if (cache == NULL) {
        set->run = 0;
        return;
    }
    if (set->n_open++ == 0) {
        set->open_from = cache_served(set);
    }
    /* Relaxed: its own thread is the one that reads it without the lock. */
    __atomic_store_n(&cache->open, 1, __ATOMIC_RELAXED);
}

/*
 * Counts an operation under the lock towards the opening of the caller's cache. Not while the pool
 * is frozen: the forking thread's cache would be open in the child.
 */
static void
cache_count(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    if (set->run < set->run_needed) {
        set->run++;
    } else if (pool_tail(mp)->gate == 0 &&
               freelist_count(mp) >= cache_batch(cache_batch(set->depth))) {
        cache_open(mp);
    }
}

/* The caller's cache if it is open, read under the lock as it may have been claimed meanwhile. */
static struct cache *
cache_mine(struct os_mempool *mp)
{
    struct cache *cache = cache_table_find(cache_set(mp));

    return cache != NULL && cache_is_open(cache) ? cache : NULL;
}

static void
cache_reverse(void **blocks, uint32_t n)
{
    for (uint32_t i = 0; i < n / 2; i++) {
        void *block = blocks[i];

        blocks[i] = blocks[n - 1 - i];
        blocks[n - 1 - i] = block;
    }
}

/* The array is taken from its end, so the list's first block goes last. */
static void
cache_refill(struct os_mempool *mp, struct cache *cache)
{
    uint32_t room = cache->depth - cache->n;
    uint32_t batch = cache_batch(cache->depth);
    uint32_t taken = freelist_take(mp, &cache->blocks[cache->n], batch < room ? batch : room);

    cache_reverse(&cache->blocks[cache->n], taken);
    cache_set_n(cache, cache->n + taken);
}

void
cache_after_get(struct os_mempool *mp)
{
    struct cache *cache = cache_mine(mp);

    if (cache == NULL) {
        cache_count(mp);
    } else {
        cache_refill(mp, cache);
    }
}

/* The oldest go, as the latest are warm. */
static void
cache_flush(struct os_mempool *mp, struct cache *cache, uint32_t n)
{
    freelist_give(mp, cache->blocks, n);
    cache_set_n(cache, cache->n - n);
    memmove(cache->blocks, &cache->blocks[n], cache->n * sizeof(*cache->blocks));
}

void
cache_before_put(struct os_mempool *mp)
{
    struct cache *cache = cache_mine(mp);

    if (cache == NULL) {
        cache_count(mp);
    } else if (cache->n == cache->depth) {
        cache_flush(mp, cache, cache_batch(cache->depth));
    }
}

bool
cache_has(struct os_mempool *mp, void *block)
{
    bool has;

    if (!freelist_may_have(mp, block)) {
        return false;
    }
    cache_pause(mp);
    has = freelist_has(mp, block);
    cache_resume(mp);
    return has;
}

void
cache_disown(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        cache_flush(mp, cache, cache->n);
        cache->busy = NULL;
        cache->open = 0;
        cache->paused = 0;
        cache_table_set_thread(cache, NULL);
    }
    if (set != NULL) {
        set->n_open = 0;
    }
}

/* The largest power of two of lines that a block has, less one. */
static uint8_t
cache_key_lines(const struct os_mempool *mp)
{
    uint32_t lines = mp->mp_block_size / CACHE_LINE;

    if (lines < 4) {
        return 0;
    }
    lines = lines < CACHE_KEY_LINES_MAX ? lines : CACHE_KEY_LINES_MAX;
    return (uint8_t)((1u << (31 - __builtin_clz(lines))) - 1);
}

bool
cache_enable(struct os_mempool *mp, uint32_t depth)
{
    struct pool_tail *tail = pool_tail(mp);
    struct cache_set *set = tail->caches;

    if (set == NULL) {
        set = cache_table_new_set();
        if (set == NULL) {
            return false;
        }
        /* Release: pairs with the acquire in cache_set_of(). */
        __atomic_store_n(&tail->caches, set, __ATOMIC_RELEASE);
    }
    if (set->depth == 0) {
        owner_forbid(mp);
        counts_split(mp);
        freelist_move_keys(mp, cache_key_lines(mp));
    } else if (set->depth != depth) {
        cache_pause(mp);
        cache_end_pause(mp, false);
    }
    tail->unusual |= POOL_CACHED;
    set->depth = depth;
    set->run = 0;
    set->run_needed = CACHE_RUN_MIN;
    return true;
}

void
cache_disable(struct os_mempool *mp)
{
    if (!cache_is_enabled(mp)) {
        return;
    }
    cache_pause(mp);
    cache_end_pause(mp, false);
    freelist_move_keys(mp, 0);
    counts_join(mp);
    cache_set(mp)->depth = 0;
    pool_tail(mp)->unusual &= ~(uint32_t)POOL_CACHED;
    owner_init(mp);
}

void
cache_forget_thread(struct os_mempool *mp, struct thread *thread)
{
    struct cache_set *set = cache_set(mp);

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        if (cache->thread != thread) {
            continue;
        }
        /* Only then: else the cache is empty, and the list may be an owner's, not ours to write. */
        if (cache_is_enabled(mp)) {
            cache_flush(mp, cache, cache->n);
        }
        if (cache_is_open(cache)) {
            __atomic_store_n(&cache->open, 0, OSMP_DEKKER_STORE);
            set->n_open--;
        }
        cache_table_set_thread(cache, NULL);
        thread_unhold(thread);
    }
}

struct cache_set *
cache_detach(struct os_mempool *mp)
{
    struct cache_set *set = cache_set(mp);

    cache_disable(mp);
    pool_tail(mp)->caches = NULL;
    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        if (cache->thread != NULL) {
            thread_unhold(cache->thread);
        }
    }
    return set;
}

void
cache_free(struct cache_set *set)
{
    if (set != NULL) {
        cache_table_free_set(set);
    }
}
