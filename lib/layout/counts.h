/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counts.h: a pool's counters, and how they are read without its lock.
 *
 * The free count and the low half of gets change together, in one 64-bit word; puts is derived:
 *
 *     out  = num_blocks - num_free          puts = gets - out + adjust
 *
 * so that an operation costs one addition and any copy of the word is consistent. adjust takes the
 * blocks lost to damage (they count as out) and gives up the blocks out at a clear. gets and puts
 * never go back.
 *
 * Clear, a repair and a carry into the high half of gets change more than the word. They make a
 * sequence word odd while they last, and readers try again. Where a 64-bit word is not one access
 * (32-bit machines) every change does so.
 *
 * In a cached pool gets and puts are sums over the caches. A reader adds up all puts first and then
 * all gets, each a release paired with its acquire, so it never sees more puts than gets, and
 *
 *     out = min(gets - puts + adjust, num_blocks)        num_free = num_blocks - out
 *
 * Synchronization:   writers hold the pool's lock; counts_read() takes none and may run beside one.
 * Order: the writer's stores inside an odd phase are releases and the reader's loads acquires. A
 * reader that sees any of them therefore sees at least the odd number on its second look, and
 * retries; the loads being acquires, that second look cannot be made early.
 */
#ifndef OSMP_LAYOUT_COUNTS_H
#define OSMP_LAYOUT_COUNTS_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/build.h"
#include "layout/tail.h"
#include "os/os_mempool_inline.h"

/* Counters of one moment: all that the rooms above the registry ever see of a pool. */
struct pool_counts {
    char name[OS_MEMPOOL_INFO_NAME_LEN];
    uint32_t block_size;
    uint32_t num_blocks;
    uint32_t num_free;
    uint32_t min_free;
    uint32_t num_cached;
    uint64_t gets;      /* gets that returned a block */
    uint64_t puts;      /* puts that succeeded */
    int64_t adjust;     /* blocks lost to damage, less blocks given up by clear */
    uint64_t failed;    /* gets that returned NULL */
    uint64_t refused;   /* puts that were turned away */
    uint64_t faults;    /* misuse and damage found, refused puts among them */
    uint64_t failed_us; /* time of the last failed get, microseconds since 1970; 0 never */
    uint64_t min_us;    /* time at which min_free was reached, likewise */
    uint32_t words;     /* debug words that hold, and N of fail=N: check/words.h */
    uint32_t fail_every;
    bool stale; /* no consistent copy was to be had: the fields may disagree */
};

/*
 * Copies a pool's counters. The pool must stay in memory and registered meanwhile, so the caller
 * holds the registry's mutex; the pool's lock is not needed.
 */
void counts_read(const struct os_mempool *mp, struct pool_counts *counts);

/*
 * A cached pool counts gets and puts in each cache, and puts under the lock in a counter of their
 * own: its free count moves with every batch. Split begins that, join ends it.
 */
void counts_split(struct os_mempool *mp);
void counts_join(struct os_mempool *mp);

/* Counts puts under the lock, where they are not derived. */
void counts_add_puts(struct os_mempool *mp, uint32_t n);

/* Begins and ends an odd phase, under the pool's lock. */
void counts_begin(struct os_mempool *mp);
void counts_end(struct os_mempool *mp);

/*
 * Counts n gets that left num_free blocks, so many others being lost; all of it in an odd phase, as
 * more than the word may change.
 */
void counts_take(struct os_mempool *mp, uint32_t n, uint32_t num_free, uint32_t lost);

/* Moves the low-water mark down to what is left. */
void counts_note_low(struct os_mempool *mp);

/* All blocks are free again; those that were out are given up: they will not come back as puts. */
void counts_clear(struct os_mempool *mp);

/* Counts a get that fails, a put that is refused, n faults. */
void counts_fail(struct os_mempool *mp);
void counts_refuse(struct os_mempool *mp);
void counts_faults(struct os_mempool *mp, uint32_t n);

static_assert(OSMP_COUNTS_OFFSET <= offsetof(struct os_mempool, mp_num_free) &&
                  OSMP_COUNTS_OFFSET <= offsetof(struct os_mempool, osmp_gets) &&
                  OSMP_COUNTS_OFFSET % _Alignof(uint64_t) == 0,
              "both halves lie in the aligned word");

/* Halves of the word. */
static inline uint32_t
counts_free(uint64_t word)
{
    return (uint32_t)word;
}

static inline uint32_t
counts_gets(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static inline uint64_t
counts_of(uint32_t gets, uint32_t num_free)
{
    return (uint64_t)gets << 32 | num_free;
}

/* Stores both halves inside an odd phase. Release, as argued above. */
static inline void
counts_write(struct os_mempool *mp, uint64_t word)
{
    if (build_wide) {
        osmp_counts_store(mp, word);
    } else {
        __atomic_store_n(&mp->osmp_gets, counts_gets(word), __ATOMIC_RELEASE);
        __atomic_store_n(&mp->mp_num_free, counts_free(word), __ATOMIC_RELEASE);
    }
}

/*
 * Counters that stand alone: written under the lock, read at any time. Relaxed: nothing else is
 * read on the strength of them.
 */
static inline void
counts_set_u32(uint32_t *counter, uint32_t value)
{
    __atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline void
counts_set_u64(uint64_t *counter, uint64_t value)
{
    __atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

#endif
