/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enter.h: the way into a pool's section and out of it.
 *
 * Synchronization: between pool_enter() and pool_leave() the caller alone reads and writes the
 * pool's list and counters. No section takes another lock, waits, logs, or calls out.
 */
#ifndef OSMP_POOL_ENTER_H
#define OSMP_POOL_ENTER_H

#include "base/compiler.h"
#include "layout/tail.h"

/* Called with the lock held and a gate set; returns with the lock held and the gate passed. */
OSMP_COLD void pool_enter_gated(struct os_mempool *mp);

static inline void
pool_enter(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    lock_take(&tail->lock);
    if (osmp_unlikely(tail->gate != 0)) {
        pool_enter_gated(mp);
    }
}

static inline void
pool_leave(struct os_mempool *mp)
{
    lock_give(&pool_tail(mp)->lock);
}

/* For calls whose signature promises not to change the pool, and whose section needs its lock. */
static inline struct os_mempool *
pool_lockable(const struct os_mempool *mp)
{
    return (struct os_mempool *)(uintptr_t)mp;
}

#endif
