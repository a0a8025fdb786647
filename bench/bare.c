/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>

#include "bare.h"
#include "pause.h"

/* Short enough that a waiter whose holder lost the CPU soon lets it run. */
#define SPINS_BEFORE_YIELD 100

static inline void *
list_pop(struct bare_list *list)
{
    void **block = list->first;

    if (block != NULL) {
        list->first = *block;
    }
    return block;
}

static inline void
list_push(struct bare_list *list, void *block)
{
    *(void **)block = list->first;
    list->first = block;
}

void
bare_list_format(struct bare_list *list, void *buffer, uint32_t n_blocks, size_t block_bytes)
{
    char *block = (char *)buffer + n_blocks * block_bytes;

    list->first = NULL;
    for (uint32_t i = 0; i < n_blocks; i++) {
        block -= block_bytes;
        list_push(list, block);
    }
}

void *
bare_list_get(struct bare_list *list)
{
    return list_pop(list);
}

void
bare_list_put(struct bare_list *list, void *block)
{
    list_push(list, block);
}

void *
bare_mutex_get(struct bare_mutex *bare)
{
    void *block;

    pthread_mutex_lock(&bare->mutex);
    block = list_pop(&bare->list);
    pthread_mutex_unlock(&bare->mutex);
    return block;
}

void
bare_mutex_put(struct bare_mutex *bare, void *block)
{
    pthread_mutex_lock(&bare->mutex);
    list_push(&bare->list, block);
    pthread_mutex_unlock(&bare->mutex);
}

static void __attribute__((noinline)) spin_wait(struct bare_spin *bare)
{
    uint32_t spins = 0;

    do {
        /* Relaxed: only looks whether trying is worthwhile; the exchange below orders. */
        while (atomic_load_explicit(&bare->taken, memory_order_relaxed)) {
            if (++spins < SPINS_BEFORE_YIELD) {
                pause_cpu();
            } else {
                sched_yield();
            }
        }
        /* Acquire: pairs with the release in spin_give(). */
    } while (atomic_exchange_explicit(&bare->taken, true, memory_order_acquire));
}

static inline void
spin_take(struct bare_spin *bare)
{
    /* Acquire: pairs with the release in spin_give(). */
    if (atomic_exchange_explicit(&bare->taken, true, memory_order_acquire)) {
        spin_wait(bare);
    }
}

static inline void
spin_give(struct bare_spin *bare)
{
    /* Release: the list is written before the next holder's acquire sees the lock free. */
    atomic_store_explicit(&bare->taken, false, memory_order_release);
}

void *
bare_spin_get(struct bare_spin *bare)
{
    void *block;

    spin_take(bare);
    block = list_pop(&bare->list);
    spin_give(bare);
    return block;
}

void
bare_spin_put(struct bare_spin *bare, void *block)
{
    spin_take(bare);
    list_push(&bare->list, block);
    spin_give(bare);
}
