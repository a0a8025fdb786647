/* SPDX-License-Identifier: Apache-2.0 */
/* lock_wait.c: how a taken spinlock is waited for, and what tools are told of spinlocks. */
#include <sched.h>

#include "sync/deadlock.h"
#include "sync/freeze.h"
#include "sync/lock.h"
#include "sync/pause.h"
#include "sync/wait.h"

/*
 * Each look takes the lock's cache line, and what it guards, from the holder. So the time between
 * looks doubles (T. E. Anderson, The Performance of Spin Lock Alternatives, 1990), from one
 * instruction for pausing (10 to 45 ns) to 16. A section lasts some 10 ns, so one that has not
 * ended after all of them (about 1 us) has a holder that is not running or many waiters. Yielding
 * lets a holder on this core run at once; where that does not help, the holder is of a kind that
 * yielding does not reach, and sleeping does.
 */
enum { LOCK_PAUSES_MAX = 16, LOCK_YIELDS = 20, LOCK_SLEEP_NS = 50000 };

bool lock_is_watched;

/* After tool.c has found out about Valgrind. */
__attribute__((constructor(102))) static void
lock_start(void)
{
    lock_is_watched = tool_running() || __tsan_acquire != NULL;
}

static void
lock_pause(unsigned pauses)
{
    while (pauses-- > 0) {
        sync_pause();
    }
}

/* Relaxed: only a hint when to try; the exchange in lock_exchange() acquires. */
static uintptr_t
lock_holder(const struct lock *lock)
{
    return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED);
}

/* A thread's own pointer there is its own doing, so it needs no order to be seen. */
void
lock_found_taken(struct lock *lock)
{
    uintptr_t holder = lock_holder(lock);

    if (holder == lock_self() && holder != LOCK_SOMEBODY) {
        deadlock_abort();
    }
    if (freeze_is_left_behind()) {
        lock_init(lock);
    }
}

/* Who the holder is is looked at before sleeping, as each look takes the cache line from him. */
static void
lock_give_way(struct lock *lock, unsigned round)
{
    if (round < LOCK_YIELDS) {
        sched_yield();
    } else {
        lock_found_taken(lock);
        sync_sleep(LOCK_SLEEP_NS);
    }
}

void
lock_wait(struct lock *lock)
{
    for (unsigned round = 0;; round++) {
        for (unsigned pauses = 1; pauses <= LOCK_PAUSES_MAX; pauses *= 2) {
            if (lock_holder(lock) == 0 && lock_exchange(lock)) {
                return;
            }
            lock_pause(pauses);
        }
        lock_give_way(lock, round);
    }
}

void
lock_tell_taken(struct lock *lock)
{
    tool_lock_taken(lock);
    if (__tsan_acquire != NULL) {
        __tsan_acquire(lock);
    }
}

void
lock_tell_giving(struct lock *lock)
{
    if (__tsan_release != NULL) {
        __tsan_release(lock);
    }
    tool_lock_giving(lock);
}
