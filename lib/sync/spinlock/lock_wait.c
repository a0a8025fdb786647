/* SPDX-License-Identifier: Apache-2.0 */
/* lock_wait.c: how a taken spinlock is waited for. */
#include <sched.h>

#include "sync/lock.h"
#include "sync/pause.h"
#include "sync/wait.h"

/*
 * A section lasts some 10 ns, so one that has not ended after 100 looks (about 1 us) has a holder
 * that is not running or many waiters. Yielding lets a holder on this core run at once; where that
 * does not help, the holder is of a kind that yielding does not reach, and sleeping does.
 */
enum { LOCK_SPINS = 100, LOCK_YIELDS = 20, LOCK_SLEEP_NS = 50000 };

static void
lock_give_way(unsigned round)
{
    if (round < LOCK_YIELDS) {
        sched_yield();
    } else {
        sync_sleep(LOCK_SLEEP_NS);
    }
}

/* Relaxed: only a hint when to try; the exchange in lock_exchange() acquires. */
static bool
lock_looks_free(const struct lock *lock)
{
    return __atomic_load_n(&lock->taken, __ATOMIC_RELAXED) == 0;
}

void
lock_wait(struct lock *lock)
{
    for (unsigned round = 0;; round++) {
        for (unsigned spin = 0; spin < LOCK_SPINS; spin++) {
            if (lock_looks_free(lock) && lock_exchange(lock)) {
                return;
            }
            sync_pause();
        }
        lock_give_way(round);
    }
}
