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
 * The number is written after the mutex was taken and erased before it is given, next to the two
 * instructions that take longest, and so most interrupts come there. Whose a mutex without a number
 * is can be told while the process has one thread, as a simulator of tasks has; glibc keeps a
 * variable that says so. In a process with more threads a thread that was interrupted there is not
 * found out, and waits for ever.
 */
#ifndef OSMP_SYNC_MUTEX_H
#define OSMP_SYNC_MUTEX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/compiler.h"
#include "base/tool.h"

/* Aborts with a message if the holder's number is the calling thread's. */
OSMP_COLD void mutex_check_holder(const pthread_mutex_t *mutex);

/* Aborts with a message if it is taken without a number, and no other thread can have it. Not for a
 * child that is still in its fork handlers: there a thread may have it that the child has not. */
OSMP_COLD void mutex_check_unsigned(const pthread_mutex_t *mutex);

/* Whether some thread has it; false where the C library does not tell. Relaxed: who acts upon it
 * is the process's one thread, and sees what it wrote itself. */
#ifdef __GLIBC__
static inline bool
mutex_is_taken(const pthread_mutex_t *mutex)
{
    return __atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED) != 0;
}
#else
static inline bool
mutex_is_taken(const pthread_mutex_t *mutex)
{
    return false;
}
#endif

/*
 * Whether the process has one thread, for certain. Relaxed, as glibc's own reads: the one thread
 * wrote what it reads.
 */
#if defined(__GLIBC__) && __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
static inline bool
mutex_is_alone(void)
{
    return __atomic_load_n(&__libc_single_threaded, __ATOMIC_RELAXED) != 0;
}
#else
static inline bool
mutex_is_alone(void)
{
    return false;
}
#endif

/* The number of the thread that has it; 0 for none, and where the C library does not tell.
 * Relaxed: it is compared with the caller's own, which only the caller writes there. */
#ifdef __GLIBC__
static inline int
mutex_holder(const pthread_mutex_t *mutex)
{
    return __atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
}

/* Before its first use: tools take the loads for races with the C library's stores. */
static inline void
mutex_tell_tools(const pthread_mutex_t *mutex)
{
    tool_atomics(&mutex->__data.__lock, sizeof(mutex->__data.__lock));
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

/*
 * Whether there is a reason to check. The first word is read last, and not at all where there are
 * other threads: just after an atomic operation on it, as the last unlock was, that costs a fifth
 * of a get and a put.
 */
static inline bool
mutex_may_be_mine(const pthread_mutex_t *mutex)
{
    return mutex_holder(mutex) != 0 || (mutex_is_alone() && mutex_is_taken(mutex));
}

static inline void
mutex_take(pthread_mutex_t *mutex)
{
    if (osmp_unlikely(mutex_may_be_mine(mutex))) {
        mutex_check_holder(mutex);
        mutex_check_unsigned(mutex);
    }
    pthread_mutex_lock(mutex);
}

/* In a forked child, whose thread has a number of its own. */
void mutex_fork_child(void);

#endif
