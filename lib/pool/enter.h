/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enter.h: the way into a pool's section and out of it.
 *
 * Synchronization: between pool_enter() and pool_leave(), or pool_visit() and pool_end_visit(), the
 * caller alone reads and writes the pool's list and counters. Inside, a call waits for nothing but
 * an owner or caches that it stops; it takes no lock but the arena's, which makes a cache; it
 * neither logs nor calls the program.
 */
#ifndef OSMP_POOL_ENTER_H
#define OSMP_POOL_ENTER_H

#include "base/compiler.h"
#include "check/check.h"
#include "layout/tail.h"
#include "pool/cache.h"
#include "pool/owner.h"

/* Called with the lock held and a gate set; returns with the lock held and the gate passed. */
OSMP_COLD void pool_enter_gated(struct os_mempool *mp);

/* Takes the lock and passes the gate; the owner, if any, may still be in a section. */
static inline void
pool_lock(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    lock_take(&tail->lock);
    if (osmp_unlikely(tail->gate != 0)) {
        pool_enter_gated(mp);
    }
}

static inline void
pool_unlock(struct os_mempool *mp)
{
    lock_give(&pool_tail(mp)->lock);
}

/* For get and put: a visit of another thread than the owner ends the ownership, and counts. */
static inline void
pool_enter(struct os_mempool *mp)
{
    pool_lock(mp);
    if (osmp_unlikely(mp->osmp_owner != NULL)) {
        owner_revoke(mp);
    }
}

static inline void
pool_leave(struct os_mempool *mp)
{
    bool wants_record = owner_count(mp);

    pool_unlock(mp);
    if (osmp_unlikely(wants_record)) {
        thread_get();
    }
}

/* In the section: whether the plain get and put know all that there is to do. */
static inline bool
pool_is_usual(const struct os_mempool *mp)
{
    return pool_tail_const(mp)->unusual == 0;
}

/* In the section: whether lib/check/ has the pool's list. */
static inline bool
pool_is_checked(const struct os_mempool *mp)
{
    return osmp_unlikely(check_is_wanted(mp));
}

/* For calls that look at a pool or tend it: owner and caches come back afterwards. */
static inline struct osmp_thread *
pool_visit(struct os_mempool *mp)
{
    pool_lock(mp);
    cache_pause(mp);
    return mp->osmp_owner != NULL ? owner_suspend(mp) : NULL;
}

/*
 * The same without waiting for long; false if the pool was not to be had. For callers that hold the
 * registry's mutex, with which nobody waits for a thread that stays in a pool. So no fork has
 * frozen the pool; what a forked child's first call has to do is left to that call.
 */
OSMP_COLD bool pool_try_visit(struct os_mempool *mp, struct osmp_thread **owner);

/* The same, but caches stay open; owner_resume() and pool_unlock() end it. */
OSMP_COLD bool pool_try_lock(struct os_mempool *mp, struct osmp_thread **owner);

/*
 * The same for unregister: no block moves. The owner is out, for owner_forget(), and the caches are
 * closed with what they hold, for cache_retire(); pool_unlock() ends it.
 */
OSMP_COLD bool pool_try_close(struct os_mempool *mp, struct osmp_thread **owner);

/*
 * The same for who ends ownership or caches: they are open still, but nobody is in a section.
 * pool_unlock() ends it.
 */
OSMP_COLD bool pool_try_tend(struct os_mempool *mp);

static inline void
pool_end_visit(struct os_mempool *mp, struct osmp_thread *owner)
{
    owner_resume(mp, owner);
    cache_resume(mp);
    pool_unlock(mp);
}

/* For calls whose signature promises not to change the pool, and whose section needs its lock. */
static inline struct os_mempool *
pool_lockable(const struct os_mempool *mp)
{
    return (struct os_mempool *)(uintptr_t)mp;
}

#endif
