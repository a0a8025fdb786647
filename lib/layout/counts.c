/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/counts.h"

#include <string.h>

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

/* One attempt at the counters that must agree; false if a phase came between. */
static bool
counts_try(const struct os_mempool *mp, struct pool_counts *counts)
{
    const struct pool_tail *tail = pool_tail_const(mp);
    uint32_t seq = __atomic_load_n(&tail->seq, __ATOMIC_ACQUIRE);
    uint64_t high = __atomic_load_n(&tail->gets_high, __ATOMIC_ACQUIRE);
    uint64_t word;

    counts->adjust = __atomic_load_n(&tail->adjust, __ATOMIC_ACQUIRE);
    word = counts_load(mp);
    counts->num_free = counts_free(word);
    counts->gets = high << 32 | counts_gets(word);
    counts->puts =
        counts->gets - (counts->num_blocks - counts->num_free) + (uint64_t)counts->adjust;
    /* Relaxed: the acquires above keep it from moving up. */
    return seq % 2 == 0 && seq == __atomic_load_n(&tail->seq, __ATOMIC_RELAXED);
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
    int tries = 0;

    memcpy(counts->name, tail->name, sizeof(counts->name));
    counts->block_size = mp->mp_block_size;
    counts->num_blocks = mp->mp_num_blocks;
    do {
        counts->stale = !counts_try(mp, counts);
    } while (counts->stale && ++tries < COUNTS_TRIES);
    counts->num_cached = 0;
    counts->min_free = counts_min_free(mp, counts->num_free);
    counts->failed = __atomic_load_n(&tail->failed, __ATOMIC_RELAXED);
    counts->refused = __atomic_load_n(&tail->refused, __ATOMIC_RELAXED);
    counts->failed_us = __atomic_load_n(&tail->failed_us, __ATOMIC_RELAXED);
    counts->min_us = __atomic_load_n(&tail->min_us, __ATOMIC_RELAXED);
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
