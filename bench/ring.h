/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h: a queue of block pointers from one thread to one other, moved in batches so that its own
 * cost, the same for every contestant, stays small.
 */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** Blocks that move at a time; a ring's capacity must be a multiple of it. */
#define RING_BATCH 32

struct ring {
    void **blocks;
    uint32_t capacity;
    /* Each side writes one of these; on cache lines of their own. */
    alignas(64) atomic_uint written;
    alignas(64) atomic_uint read;
    alignas(64) atomic_bool ended;
};

/** Room for the next batch; waits until there is some. The writer fills it in. */
void **ring_reserve(struct ring *ring);

/** Hands over what the writer filled in. */
void ring_publish(struct ring *ring);

/** The next batch; waits for one. NULL when the writer has ended and nothing is left. */
void **ring_peek(struct ring *ring);

/** Gives the room of the batch back to the writer. */
void ring_release(struct ring *ring);

/** The writer writes no more in this round. */
void ring_end(struct ring *ring);

/** Makes an ended ring that was read to its end ready for the next round. */
void ring_restart(struct ring *ring);

#endif
