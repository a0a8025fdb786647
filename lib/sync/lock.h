/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.h: the lock of a pool.
 *
 * One interface; the body is mutex/lock_body.h or spinlock/lock_body.h, chosen by the Meson option
 * `locking`. A lock whose bytes are all 0 is free and usable, so that a pool that was never
 * initialised is safe to call.
 *
 * Order: the freeze (freeze.h), the registry's mutex, one pool's lock; never two pools' locks.
 */
#ifndef OSMP_SYNC_LOCK_H
#define OSMP_SYNC_LOCK_H

#include <stdbool.h>

#include "lock_body.h"

/* Makes a lock, free, whatever its bytes were; also in a forked child, where it may look taken. */
static inline void lock_init(struct lock *lock);

/* Takes the lock; waits for it. Acquires what its last holder wrote. Aborts with a message, as
 * lock_try() does, if the caller has it already (deadlock.h). */
static inline void lock_take(struct lock *lock);

/* Takes the lock if it is free, and tells whether it was. Acquires as lock_take() does. */
static inline bool lock_try(struct lock *lock);

/* Gives the lock back. Releases what its holder wrote. */
static inline void lock_give(struct lock *lock);

#endif
