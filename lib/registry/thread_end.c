/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread_end.c: a thread that ends gives up what it has in pools.
 *
 * In registered pools: those that were dropped may be gone. What it has there the next thread takes
 * over that has the same record, or the same thread pointer.
 */
#include "pool/pool.h"
#include "registry/registry.h"

/* One go through all pools; false if some were not to be had. */
static bool
thread_end_sweep(struct thread *thread)
{
    bool all = true;

    for (struct node *node = registry_first(); node != NULL; node = registry_next(node)) {
        all = pool_try_forget_thread(node->mp, thread) && all;
    }
    return all;
}

/* A pool that is not to be had matters only while something is held. Relaxed: others only take
 * away, and what they took is gone from the pool by then. */
static void
thread_end_release(struct thread *thread)
{
    registry_enter();
    while (!thread_end_sweep(thread) && __atomic_load_n(&thread->holds, __ATOMIC_RELAXED) > 0) {
        registry_rest();
    }
    registry_leave();
}

__attribute__((constructor(102))) static void
thread_end_register(void)
{
    thread_set_release(thread_end_release);
}
