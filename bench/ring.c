/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stddef.h>

#include "pause.h"
#include "ring.h"

/* Then the other side has probably lost its CPU. */
#define SPINS_BEFORE_YIELD 2000

static void
wait_a_little(uint32_t *spins)
{
    if (++*spins < SPINS_BEFORE_YIELD) {
        pause_cpu();
    } else {
        sched_yield();
    }
}

/* Counters run on and wrap; a capacity that is a power of two keeps the place right. */
static void **
ring_place(const struct ring *ring, unsigned int counter)
{
    return &ring->blocks[counter % ring->capacity];
}

void **
ring_reserve(struct ring *ring)
{
    /* Relaxed: only this side writes it. */
    unsigned int written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    uint32_t spins = 0;

    /* Acquire: the reader has done with the room; pairs with ring_release(). */
    while (written - atomic_load_explicit(&ring->read, memory_order_acquire) >= ring->capacity) {
        wait_a_little(&spins);
    }
    return ring_place(ring, written);
}

void
ring_publish(struct ring *ring)
{
    /* Release: the pointers, and the words in their blocks, come first; pairs with ring_peek(). */
    atomic_fetch_add_explicit(&ring->written, RING_BATCH, memory_order_release);
}

void **
ring_peek(struct ring *ring)
{
    /* Relaxed: only this side writes it. */
    unsigned int read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    uint32_t spins = 0;

    /* Acquire: pairs with ring_publish(). */
    while (atomic_load_explicit(&ring->written, memory_order_acquire) == read) {
        /* Acquire: pairs with ring_end(); all batches before it are visible, so look once more. */
        if (atomic_load_explicit(&ring->ended, memory_order_acquire) &&
            atomic_load_explicit(&ring->written, memory_order_relaxed) == read) {
            return NULL;
        }
        wait_a_little(&spins);
    }
    return ring_place(ring, read);
}

void
ring_release(struct ring *ring)
{
    /* Release: the batch was read before the room goes back; pairs with ring_reserve(). */
    atomic_fetch_add_explicit(&ring->read, RING_BATCH, memory_order_release);
}

void
ring_end(struct ring *ring)
{
    /* Release: everything was published before; pairs with ring_peek(). */
    atomic_store_explicit(&ring->ended, true, memory_order_release);
}

void
ring_restart(struct ring *ring)
{
    /* Relaxed: the crew's barrier orders it before the round. */
    atomic_store_explicit(&ring->ended, false, memory_order_relaxed);
}
