/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutex.h: a pthread mutex is taken, by a thread that does not have it already.
 *
 * glibc writes the holder's number into each mutex. A free one says nobody, so the check costs a
 * load and a comparison there, which nothing waits for: of a get and a put under a free lock 0 %,
 * of one contended by two threads 1 %, by eight 2 %. What would find the same was measured, too,
 * and costs more: a timed wait twice as much where two threads contend, a mutex of the kind that
 * checks for errors 4 % where none does, to try before taking 8 %.
 *
 * The holder is written after the mutex was taken and erased before it is given: a thread that is
 * interrupted in between, for an instruction or two, is not found out, and waits.
 */
#ifndef OSMP_SYNC_MUTEX_H
#define OSMP_SYNC_MUTEX_H

#include <pthread.h>

#include "base/compiler.h"
#include "base/tool.h"

/* Aborts with a message if the calling thread is the holder; some thread is. */
OSMP_COLD void mutex_check_holder(const pthread_mutex_t *mutex);

/* The number of the thread that has it; 0 for none, and where the C library does not tell.
 * Relaxed: it is compared with the caller's own, which only the caller writes there. */
#ifdef __GLIBC__
static inline int
mutex_holder(const pthread_mutex_t *mutex)
{
    return __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
}

/* Before its first use: tools take the load for a race with the C library's store. */
static inline void
mutex_tell_tools(const pthread_mutex_t *mutex)
{
    tool_atomics(&mutex->__data.__owner, sizeof(mutex->__data.__owner));
}
#else
static inline int
mutex_holder(const pthread_mutex_t *mutex)
{
    return 0;
}

static inline void
mutex_tell_tools(const pthread_mutex_t *mutex)
{
}
#endif

static inline void
mutex_take(pthread_mutex_t *mutex)
{
    if (osmp_unlikely(mutex_holder(mutex) != 0)) {
        mutex_check_holder(mutex);
    }
    pthread_mutex_lock(mutex);
}

/* In a forked child, whose thread has a number of its own. */
void mutex_fork_child(void);

#endif
