/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callback.h: the put callbacks that this thread is inside of.
 *
 * A put of the very block whose callback is running, from inside it, would call the callback again
 * and never end; os_memblock_put() asks here. Once the callback has freed the block by
 * os_memblock_put_from_cb() it may be got and put again.
 *
 * Per thread, the last CALLBACK_DEPTH callbacks are known, and one further up, by which a longer
 * chain that leads back to itself is found. Each entry bears its stack address: entries below the
 * asking frame were left by longjmp and are dropped unread.
 *
 * Synchronization: thread-local, none needed.
 */
#ifndef OSMP_POOL_CALLBACK_H
#define OSMP_POOL_CALLBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "os/os_mempool.h"

/* Forgets the callbacks that longjmp left: those that are no callers of the function of a frame. */
void callback_drop_left(uintptr_t frame);

/* Runs a pool's callback, with its argument, for a block. Touches nothing of the pool after it has
 * returned. */
os_error_t
callback_run(struct os_mempool_ext *ext, os_mempool_put_fn *put_cb, void *arg, void *block);

/* Whether this thread is inside the callback of this block. */
bool callback_is_running(const struct os_mempool *mp, const void *block);

/* The block was freed: its callback no longer stands in the way of a put. */
void callback_released(const struct os_mempool *mp, const void *block);

#endif
