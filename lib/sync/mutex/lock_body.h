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

static inline void
lock_take(struct lock *lock)
{
    mutex_take(&lock->mutex);
}

static inline bool
lock_try(struct lock *lock)
{
    bool taken = pthread_mutex_trylock(&lock->mutex) == 0;

    /* Who tries is refused as long as it has the lock itself, and would try for ever. */
    if (!taken) {
        mutex_check_holder(&lock->mutex);
    }
    return taken;
}

static inline void
lock_give(struct lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}
