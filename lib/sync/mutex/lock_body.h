/* SPDX-License-Identifier: Apache-2.0 */
/* lock_body.h: the lock as a pthread mutex, which sleeps and can inherit priority. */
#include <pthread.h>
#include <stdbool.h>

#include "base/build.h"
#include "sync/mutex.h"

/*
 * A section lasts some 20 ns and a sleep some 10 us: glibc's adaptive mutex looks again for a
 * moment, at growing distances, before it sleeps. With PTHREAD_PRIO_INHERIT it sleeps at once.
 * (The kind is an enumerator there, no macro that could be asked for.)
 */
#ifdef __GLIBC__
static const int lock_mutex_type = PTHREAD_MUTEX_ADAPTIVE_NP;
#else
static const int lock_mutex_type = PTHREAD_MUTEX_DEFAULT;
#endif

struct lock {
    pthread_mutex_t mutex;
};

static inline void
lock_init(struct lock *lock)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    if (build_prio_inherit) {
        pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    }
    pthread_mutexattr_settype(&attr, lock_mutex_type);
    pthread_mutex_init(&lock->mutex, &attr);
    mutex_tell_tools(&lock->mutex);
    pthread_mutexattr_destroy(&attr);
}

/* The lock is taken, perhaps: aborts if by the caller itself, and makes it anew if by a thread that
 * a forked child does not have. */
OSMP_COLD void lock_found_taken(struct lock *lock);

static inline void
lock_take(struct lock *lock)
{
    if (osmp_unlikely(mutex_may_be_mine(&lock->mutex))) {
        lock_found_taken(lock);
    }
    pthread_mutex_lock(&lock->mutex);
}

/* Who tries is refused as long as it has the lock itself, and would try for ever. */
static inline bool
lock_try(struct lock *lock)
{
    if (pthread_mutex_trylock(&lock->mutex) == 0) {
        return true;
    }
    lock_found_taken(lock);
    return false;
}

static inline void
lock_give(struct lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}
