/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.h: which thread may use a pool without its lock.
 *
 * The owner's own path is in os_mempool_inline.h; here is everybody else's. All of it runs under
 * the pool's lock.
 *
 * A revocation costs some 10 us, so ownership is granted by the rule for renting skis: only after
 * a run of operations by one thread alone, under the lock, that has paid for one. The run is 256
 * operations at first, doubles with each revocation of a tenure that did not pay, to at most
 * 50,000, and halves with each that did.
 *
 * Synchronization:
 *                     owner's section   others' section   revoke   grant
 *   owner's section         -                 X             X        -
 *   others' section         X                 L             L        L
 *   X: excluded by the Dekker pair of busy and owner    L: excluded by the pool's lock
 */
#ifndef OSMP_POOL_OWNER_H
#define OSMP_POOL_OWNER_H

#include "base/compiler.h"
#include "layout/tail.h"
#include "sync/thread.h"

/* Runs that are never reached: pools that no thread may own, and those that become plain ones by
 * os_mempool_ext_clear(). */
#define OWNER_NEVER    UINT32_MAX
#define OWNER_EXTENDED (UINT32_MAX - 1)

/* Sets a new pool's rules: extended pools and those of one-word blocks are never owned. */
void owner_init(struct os_mempool *mp);

/* The pool is no longer an extended one. Unless forbidden, it may be owned. */
void owner_make_plain(struct os_mempool *mp);

/* The pool is never owned again. */
void owner_forbid(struct os_mempool *mp);

/*
 * Takes the ownership from the thread that has it, unless that is the caller, and waits until it is
 * out of its section. Returns that thread; NULL if there was none, or the caller.
 */
OSMP_COLD struct osmp_thread *owner_suspend(struct os_mempool *mp);

/*
 * The same without waiting for long: false if the thread is in its section still, which then has
 * the pool again.
 */
OSMP_COLD bool owner_try_suspend(struct os_mempool *mp, struct osmp_thread **owner);

/* Gives it back. Not counted: the guest is gone and will not come again soon. */
void owner_resume(struct os_mempool *mp, struct osmp_thread *owner);

/* A suspended owner, or NULL, does not get the pool back. */
void owner_forget(struct osmp_thread *owner);

/* Takes it for good and raises the price of the next grant. */
OSMP_COLD void owner_revoke(struct os_mempool *mp);

/*
 * The run has been reached: the calling thread becomes the owner. True if it has no record yet: it
 * is to get one by thread_get() once the lock is given back, and its next operation comes here
 * again.
 */
OSMP_COLD bool owner_grant(struct os_mempool *mp);

/* Of a pool that is never owned: pool_leave() gets the calling thread a record. */
void owner_want_record(struct os_mempool *mp);

/* An ending thread gives up the pool. */
void owner_give_up(struct os_mempool *mp, struct thread *thread);

/* For fork: as owner_suspend(), in two steps so that one barrier serves many pools. */
struct osmp_thread *owner_stop(struct os_mempool *mp);
void owner_barrier(void);
void owner_wait(const struct os_mempool *mp, const struct osmp_thread *owner);

/* Whether pools may be owned and caches opened in this process, now. */
bool owner_is_allowed(void);

/* What a run becomes after a tenure, or an open time of caches, that did or did not pay. */
uint32_t owner_next_run(uint32_t run, bool paid);

/* Whether the calling thread owns the pool. */
static inline bool
owner_is_me(const struct osmp_thread *owner)
{
    return __atomic_load_n(&owner->tp, __ATOMIC_RELAXED) == osmp_thread_pointer();
}

/* Counts an operation under the lock towards the caller's run; what owner_grant() returns. */
static inline bool
owner_count(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    uintptr_t tp = osmp_thread_pointer();

    if (osmp_unlikely(tail->run_tp != tp)) {
        tail->run_tp = tp;
        tail->run = 0;
    }
    return osmp_unlikely(++tail->run >= tail->run_needed) && owner_grant(mp);
}

#endif
