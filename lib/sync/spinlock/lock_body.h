/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_body.h: the lock as a spinlock that gives way.
 *
 * Taking a free one is one atomic compare and exchange, giving it is a plain release store. A
 * waiter spins for a bounded time, then yields, then sleeps, so that threads that outnumber the
 * cores let the holder run. There is no priority inheritance: wrong under SCHED_FIFO.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/tool.h"
#include "os/os_mempool_inline.h"

struct lock {
    uintptr_t holder; /* lock_self() of the thread that has it, 0 for none */
};

/* For a program under ThreadSanitizer that uses a library built without it: its runtime is told
 * what the lock orders. Weak: absent everywhere else. */
extern void __tsan_acquire(void *) __attribute__((weak));
extern void __tsan_release(void *) __attribute__((weak));

/* Waits until the lock was taken by the caller. */
void lock_wait(struct lock *lock);

/* The lock is taken: aborts if by the caller itself, and makes it anew if by a thread that a forked
 * child does not have. */
OSMP_COLD void lock_found_taken(struct lock *lock);

static inline void
lock_init(struct lock *lock)
{
    __atomic_store_n(&lock->holder, 0, __ATOMIC_RELAXED);
    tool_atomics(lock, sizeof(*lock));
}

/* Of no thread: where a thread's pointer is not one instruction away. Its locks tell no holder. */
#define LOCK_SOMEBODY ((uintptr_t)1)

#ifdef OSMP_HAVE_THREAD_POINTER
static inline uintptr_t
lock_self(void)
{
    return osmp_thread_pointer();
}
#else
static inline uintptr_t
lock_self(void)
{
    return LOCK_SOMEBODY;
}
#endif

/*
 * Acquire: what the last holder wrote before its release store in lock_give() is visible. Relaxed
 * would let the section's loads move before the exchange.
 */
static inline bool
lock_exchange(struct lock *lock)
{
    uintptr_t nobody = 0;

    /* On failure the holder's word stays as it is, and nothing is read on the strength of it. */
    return __atomic_compare_exchange_n(&lock->holder, &nobody, lock_self(), false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* Tell the tools that the caller has taken it, and that it is about to give it. */
OSMP_COLD void lock_tell_taken(struct lock *lock);
OSMP_COLD void lock_tell_giving(struct lock *lock);

/*
 * Whether a tool watches that has to be told: one look instead of two. Set when the library is
 * loaded; of locks that constructors of priority 101 take before that, tools are not told.
 */
extern bool lock_is_watched;

static inline void
lock_take(struct lock *lock)
{
    if (osmp_unlikely(!lock_exchange(lock))) {
        lock_wait(lock);
    }
    if (osmp_unlikely(lock_is_watched)) {
        lock_tell_taken(lock);
    }
}

static inline bool
lock_try(struct lock *lock)
{
    bool taken = lock_exchange(lock);

    if (taken && lock_is_watched) {
        lock_tell_taken(lock);
    }
    /* Who tries is refused as long as it has the lock itself, and would try for ever. */
    if (!taken) {
        lock_found_taken(lock);
    }
    return taken;
}

static inline void
lock_give(struct lock *lock)
{
    if (osmp_unlikely(lock_is_watched)) {
        lock_tell_giving(lock);
    }
    /* Release: pairs with the acquire exchange in lock_exchange(). */
    __atomic_store_n(&lock->holder, 0, __ATOMIC_RELEASE);
}
