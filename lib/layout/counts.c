/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/counts.h"

#include <string.h>

#include "base/clock.h"
#include "layout/cache.h"

/* A phase lasts some 10 ns; a reader that met this many was held up between its two looks. */
enum { COUNTS_TRIES = 100 };

/*
 * Relaxed: only holders of the pool's lock write seq. That the odd number is seen before what
 * follows is the release of each of the stores that follow.
 */
void
counts_begin(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    __atomic_store_n(&tail->seq, tail->seq + 1, __ATOMIC_RELAXED);
}

/* Release: who sees the even number by the acquire in counts_try() sees the whole phase. */
void
counts_end(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    __atomic_store_n(&tail->seq, tail->seq + 1, __ATOMIC_RELEASE);
}

/* Acquire, for readers without the lock. */
static uint64_t
counts_load(const struct os_mempool *mp)
{
    const osmp_word64 *word =
        (const osmp_word64 *)(const void *)((const char *)mp + OSMP_COUNTS_OFFSET);
    uint32_t gets;

    if (build_wide) {
        return __atomic_load_n(word, __ATOMIC_ACQUIRE);
    }
    gets = __atomic_load_n(&mp->osmp_gets, __ATOMIC_ACQUIRE);
    return counts_of(gets, __atomic_load_n(&mp->mp_num_free, __ATOMIC_ACQUIRE));
}

static uint64_t
counts_sum_puts(const struct cache_set *set)
{
    uint64_t sum = 0;

    for (const struct cache *cache = cache_set_first(set); cache != NULL; cache = cache->next) {
        sum += cache_puts(cache);
    }
    return sum;
}

static uint64_t
counts_sum_gets(const struct cache_set *set)
{
    uint64_t sum = 0;

    for (const struct cache *cache = cache_set_first(set); cache != NULL; cache = cache->next) {
        sum += cache_gets(cache);
    }
    return sum;
}

/* A sum of no one moment. */
static uint32_t
counts_sum_cached(const struct cache_set *set, uint32_t num_free)
{
    uint64_t sum = 0;

    for (const struct cache *cache = cache_set_first(set); cache != NULL; cache = cache->next) {
        sum += cache_held(cache_load(cache));
    }
    return sum < num_free ? (uint32_t)sum : num_free;
}

/* What is out by the counters; between 0 and all, whatever moments they are of. */
static uint32_t
counts_out(const struct pool_counts *counts, uint64_t puts)
{
    int64_t out = (int64_t)(counts->gets - puts) + counts->adjust;

    if (out < 0) {
        return 0;
    }
    return out < counts->num_blocks ? (uint32_t)out : counts->num_blocks;
}

/*
 * Puts that came while the sums were made are free blocks that the sums do not show. A few are the
 * work of a moment; many are that of a reader who was off its core between the two.
 */
static bool
counts_was_held_up(const struct cache_set *set, const struct pool_counts *counts, uint64_t puts)
{
    return counts_sum_puts(set) - puts > counts->num_blocks / 64 + 1;
}

/* How an attempt at the counters that must agree went. */
enum counts_outcome {
    COUNTS_TORN, /* a phase came between */
    COUNTS_LATE, /* the reader was held up: they agree, but show too few free blocks */
    COUNTS_GOOD,
};

static enum counts_outcome
counts_try(const struct os_mempool *mp, const struct cache_set *set, struct pool_counts *counts)
{
    const struct pool_tail *tail = pool_tail_const(mp);
    uint32_t seq = __atomic_load_n(&tail->seq, __ATOMIC_ACQUIRE);
    uint64_t puts = __atomic_load_n(&tail->puts, __ATOMIC_ACQUIRE);
    uint64_t high = __atomic_load_n(&tail->gets_high, __ATOMIC_ACQUIRE);
    uint64_t in_caches = set != NULL ? counts_sum_puts(set) : 0;
    uint64_t word;
    uint32_t out;

    counts->adjust = __atomic_load_n(&tail->adjust, __ATOMIC_ACQUIRE);
    word = counts_load(mp);
    counts->gets = high << 32 | counts_gets(word);
    counts->gets += set != NULL ? counts_sum_gets(set) : 0;
    out =
        set != NULL ? counts_out(counts, puts + in_caches) : counts->num_blocks - counts_free(word);
    counts->num_free = counts->num_blocks - out;
    counts->puts = counts->gets - out + (uint64_t)counts->adjust;
    /* Relaxed: the acquires above keep it from moving up. */
    if (seq % 2 != 0 || seq != __atomic_load_n(&tail->seq, __ATOMIC_RELAXED)) {
        return COUNTS_TORN;
    }
    return set != NULL && counts_was_held_up(set, counts, in_caches) ? COUNTS_LATE : COUNTS_GOOD;
}

/* A new low may be reached between the two loads; it is never above the free count of its row. */
static uint32_t
counts_min_free(const struct os_mempool *mp, uint32_t num_free)
{
    uint32_t min_free = __atomic_load_n(&mp->mp_min_free, __ATOMIC_RELAXED);

    return min_free < num_free ? min_free : num_free;
}

void
counts_read(const struct os_mempool *mp, struct pool_counts *counts)
{
    const struct pool_tail *tail = pool_tail_const(mp);
    const struct cache_set *set = cache_is_enabled(mp) ? tail->caches : NULL;
    enum counts_outcome outcome;
    int tries = 0;

    memcpy(counts->name, tail->name, sizeof(counts->name));
    counts->block_size = mp->mp_block_size;
    counts->num_blocks = mp->mp_num_blocks;
    do {
        outcome = counts_try(mp, set, counts);
    } while (outcome != COUNTS_GOOD && ++tries < COUNTS_TRIES);
    counts->stale = outcome == COUNTS_TORN;
    counts->num_cached = set != NULL ? counts_sum_cached(set, counts->num_free) : 0;
    counts->min_free = counts_min_free(mp, counts->num_free);
    counts->failed = __atomic_load_n(&tail->failed, __ATOMIC_RELAXED);
    counts->refused = __atomic_load_n(&tail->refused, __ATOMIC_RELAXED);
    counts->faults = __atomic_load_n(&tail->faults, __ATOMIC_RELAXED);
    counts->words = __atomic_load_n(&tail->words, __ATOMIC_RELAXED);
    counts->fail_every = tail->fail_every;
    counts->failed_us = __atomic_load_n(&tail->failed_us, __ATOMIC_RELAXED);
    counts->min_us = __atomic_load_n(&tail->min_us, __ATOMIC_RELAXED);
}

static uint64_t
counts_all_gets(const struct os_mempool *mp)
{
    return (uint64_t)pool_tail_const(mp)->gets_high << 32 | counts_gets(osmp_counts_load(mp));
}

void
counts_add_puts(struct os_mempool *mp, uint32_t n)
{
    struct pool_tail *tail = pool_tail(mp);

    __atomic_store_n(&tail->puts, tail->puts + n, __ATOMIC_RELEASE);
}

void
counts_split(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    uint64_t out = mp->mp_num_blocks - counts_free(osmp_counts_load(mp));

    tail->puts = counts_all_gets(mp) - out + (uint64_t)tail->adjust;
}

/* The caches are closed and empty. Puts need no such care: they are derived again. */
void
counts_join(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    uint64_t gets = counts_all_gets(mp);

    counts_begin(mp);
    for (struct cache *cache = tail->caches->all; cache != NULL; cache = cache->next) {
        gets += cache_gets(cache);
        __atomic_store_n(&cache->gets_before, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&cache->moved[0], 0, __ATOMIC_RELEASE);
        __atomic_store_n(&cache->moved[1], 0, __ATOMIC_RELEASE);
        cache_store(cache, 0);
    }
    __atomic_store_n(&tail->gets_high, (uint32_t)(gets >> 32), __ATOMIC_RELEASE);
    counts_write(mp, counts_of((uint32_t)gets, counts_free(osmp_counts_load(mp))));
    counts_end(mp);
}

void
counts_note_low(struct os_mempool *mp)
{
    uint32_t num_free = counts_free(osmp_counts_load(mp));

    if (num_free < mp->mp_min_free) {
        counts_set_u32(&mp->mp_min_free, num_free);
        counts_set_u64(&pool_tail(mp)->min_us, clock_now_us());
    }
}

void
counts_take(struct os_mempool *mp, uint32_t n, uint32_t num_free, uint32_t lost)
{
    struct pool_tail *tail = pool_tail(mp);
    uint64_t gets = (uint64_t)counts_gets(osmp_counts_load(mp)) + n;

    counts_begin(mp);
    __atomic_store_n(&tail->adjust, tail->adjust + lost, __ATOMIC_RELEASE);
    __atomic_store_n(&tail->gets_high, tail->gets_high + (uint32_t)(gets >> 32), __ATOMIC_RELEASE);
    counts_write(mp, counts_of((uint32_t)gets, num_free));
    counts_end(mp);
    counts_note_low(mp);
}

void
counts_clear(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    uint64_t word = osmp_counts_load(mp);

    counts_begin(mp);
    __atomic_store_n(&tail->adjust, tail->adjust - (mp->mp_num_blocks - counts_free(word)),
                     __ATOMIC_RELEASE);
    counts_write(mp, counts_of(counts_gets(word), mp->mp_num_blocks));
    counts_end(mp);
    counts_set_u32(&mp->mp_min_free, mp->mp_num_blocks);
    counts_set_u64(&tail->min_us, clock_now_us());
}

void
counts_fail(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    counts_set_u64(&tail->failed, tail->failed + 1);
    counts_set_u64(&tail->failed_us, clock_now_us());
}

void
counts_refuse(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    counts_set_u64(&tail->refused, tail->refused + 1);
}

void
counts_faults(struct os_mempool *mp, uint32_t n)
{
    struct pool_tail *tail = pool_tail(mp);

    counts_set_u64(&tail->faults, tail->faults + n);
}

#if UINTPTR_MAX <= 0xffffffffu
void
osmp_counts_store(struct os_mempool *mp, uint64_t word)
{
    counts_begin(mp);
    counts_write(mp, word);
    counts_end(mp);
}

uint64_t
osmp_counts_load(const struct os_mempool *mp)
{
    return counts_of(mp->osmp_gets, mp->mp_num_free);
}
#endif
