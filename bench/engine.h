/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h: how one kind of allocator is measured.
 *
 * An engine file gives a get and a put of a few lines and ENGINE_LOOPS() makes the measured loops
 * of them. The loops are always inlined and get and put are constants in them, so that each engine
 * has its own copy, in which the allocator is called directly by name: malloc takes a preload, and
 * os_memblock_get an inline header, as they would in any program. All engines thus run one text.
 *
 * The pattern of work (`--help` tells users the same):
 *  - A thread keeps a window of `live` blocks. A batch gets `live` blocks, one after the other,
 *    and then puts them all. Time divided by the number of blocks is "ns per get+put pair".
 *  - Blocks are put in the order in which they were got (a queue), or, in the cases that say so,
 *    in a shuffled order that is the same for everybody. Neither is the order in which a
 *    stack-like cache is at its best, and with 32 and 512 live a cache of a few blocks
 *    (glibc keeps 7 of a size) cannot hide what lies behind it.
 *  - One word is written to every block, as nobody allocates to write nothing.
 *  - The pointer passes an empty asm statement: the compiler must take it as used and changed, and
 *    cannot remove a malloc and free that it sees to be a pair.
 *  - Every get is checked for NULL, as a real program does.
 */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "die.h"
#include "histogram.h"

/** What one thread works on. */
struct lane {
    void *pool;            /**< given to get and put */
    size_t block_bytes;    /**< size of a block */
    uint32_t live;         /**< number of blocks in the window */
    void **window;         /**< live blocks, in the order in which they were got */
    const uint32_t *order; /**< order in which they are put, a permutation of 0 to live - 1 */
    struct histogram *gets;
    struct histogram *puts;
};

/** A kind of allocator. A member that is NULL: cases that need it leave the engine out. */
struct engine {
    /** Whether two threads may use one pool at a time. */
    bool shareable;
    /** Makes a pool of n_blocks blocks, with thread caches of that depth if it has any; never NULL.
     */
    void *(*open)(size_t block_bytes, uint32_t n_blocks, uint32_t depth);
    /** Frees a pool. Dies if not all blocks came back. */
    void (*close)(void *pool);
    /** Gets and puts the whole window, n_batches times. */
    void (*batches)(const struct lane *lane, uint32_t n_batches);
    /** The same with a clock around each call; fills lane->gets and lane->puts. */
    void (*timed)(const struct lane *lane, uint32_t n_batches);
    /** Gets n blocks; the first half of a hand-over. */
    void (*take)(const struct lane *lane, void **blocks, uint32_t n);
    /** Puts n blocks; the second half. */
    void (*give)(const struct lane *lane, void *const *blocks, uint32_t n);
    /** Time to make a buffer of n_blocks blocks a pool. */
    uint64_t (*format_ns)(void *buffer, size_t block_bytes, uint32_t n_blocks);
    /** Time to register and to unregister n_pools pools. */
    void (*enrol_ns)(uint32_t n_pools, uint64_t *register_ns, uint64_t *unregister_ns);
    /** Whether its pools can be seen from another process. */
    bool exports;
};

/** Blocks of one bulk call. */
#define ENGINE_BULK 32

typedef void *engine_get_fn(void *pool, size_t block_bytes);
typedef void engine_put_fn(void *pool, void *block);

#define ENGINE_INLINE static inline __attribute__((always_inline))

ENGINE_INLINE void *
engine_get_used(const struct lane *lane, engine_get_fn *get)
{
    void *block = get(lane->pool, lane->block_bytes);

    __asm__ volatile("" : "+r"(block));
    if (__builtin_expect(block == NULL, 0)) {
        die("a get failed although the pool is large enough");
    }
    *(volatile uintptr_t *)block = (uintptr_t)lane;
    return block;
}

/* What engine_get_used() does with a block, for those of one bulk call. */
ENGINE_INLINE void
engine_use(const struct lane *lane, void **blocks)
{
    for (uint32_t i = 0; i < ENGINE_BULK; i++) {
        *(volatile uintptr_t *)blocks[i] = (uintptr_t)lane;
    }
}

ENGINE_INLINE void
engine_batches(const struct lane *lane, uint32_t n_batches, engine_get_fn *get, engine_put_fn *put)
{
    for (; n_batches != 0; n_batches--) {
        for (uint32_t i = 0; i < lane->live; i++) {
            lane->window[i] = engine_get_used(lane, get);
        }
        for (uint32_t i = 0; i < lane->live; i++) {
            put(lane->pool, lane->window[lane->order[i]]);
        }
    }
}

ENGINE_INLINE void
engine_timed(const struct lane *lane, uint32_t n_batches, engine_get_fn *get, engine_put_fn *put)
{
    uint64_t begin;

    for (; n_batches != 0; n_batches--) {
        for (uint32_t i = 0; i < lane->live; i++) {
            begin = clock_now_ns();
            lane->window[i] = engine_get_used(lane, get);
            histogram_add(lane->gets, clock_now_ns() - begin);
        }
        for (uint32_t i = 0; i < lane->live; i++) {
            begin = clock_now_ns();
            put(lane->pool, lane->window[lane->order[i]]);
            histogram_add(lane->puts, clock_now_ns() - begin);
        }
    }
}

ENGINE_INLINE void
engine_take(const struct lane *lane, void **blocks, uint32_t n, engine_get_fn *get)
{
    for (uint32_t i = 0; i < n; i++) {
        blocks[i] = engine_get_used(lane, get);
    }
}

ENGINE_INLINE void
engine_give(const struct lane *lane, void *const *blocks, uint32_t n, engine_put_fn *put)
{
    for (uint32_t i = 0; i < n; i++) {
        put(lane->pool, blocks[i]);
    }
}

/** Defines NAME_batches, NAME_timed, NAME_take and NAME_give from NAME_get and NAME_put. */
#define ENGINE_LOOPS(name)                                                                         \
    static void name##_batches(const struct lane *lane, uint32_t n_batches)                        \
    {                                                                                              \
        engine_batches(lane, n_batches, name##_get, name##_put);                                   \
    }                                                                                              \
    static void name##_timed(const struct lane *lane, uint32_t n_batches)                          \
    {                                                                                              \
        engine_timed(lane, n_batches, name##_get, name##_put);                                     \
    }                                                                                              \
    static void name##_take(const struct lane *lane, void **blocks, uint32_t n)                    \
    {                                                                                              \
        engine_take(lane, blocks, n, name##_get);                                                  \
    }                                                                                              \
    static void name##_give(const struct lane *lane, void *const *blocks, uint32_t n)              \
    {                                                                                              \
        engine_give(lane, blocks, n, name##_put);                                                  \
    }

/** Members of struct engine that ENGINE_LOOPS(name) defines. */
#define ENGINE_LOOPS_OF(name)                                                                      \
    .batches = name##_batches, .timed = name##_timed, .take = name##_take, .give = name##_give

/** The pool, behind its stock API. */
extern const struct engine engine_pool;
/** The same through the inline header. */
extern const struct engine engine_inline;
/** The pool with thread caches, by single and by bulk calls. */
extern const struct engine engine_cached;
extern const struct engine engine_bulk;
/** The pool that no thread ever owns. */
extern const struct engine engine_locked;
/** malloc and free of whatever library provides them. */
extern const struct engine engine_malloc;
/** The bare list, and it inside a lock. */
extern const struct engine engine_bare;
extern const struct engine engine_bare_mutex;
extern const struct engine engine_bare_spin;
/** Blocks that go round without an allocator, touched by both sides of a hand-over. */
extern const struct engine engine_touch;
/** DPDK's rte_mempool by its bulk calls; only where it is here. */
extern const struct engine engine_dpdk;
bool engine_dpdk_here(void);
/** Nothing at all: what the clock itself adds to a latency. */
extern const struct engine engine_clock;

#endif
