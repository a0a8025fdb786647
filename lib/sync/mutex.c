/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/mutex.h"

#include <sys/types.h>
#include <unistd.h>

#include "sync/deadlock.h"

/* The calling thread's number, as asking the kernel takes longer than most threads hold a lock; 0
 * until it was asked. */
static _Thread_local pid_t mutex_self;

/* Asked again before the end: a number is remembered wrongly where no fork handler ran. */
void
mutex_check_holder(const pthread_mutex_t *mutex)
{
    int holder = mutex_holder(mutex);

    if (mutex_self == 0) {
        mutex_self = gettid();
    }
    if (osmp_unlikely(holder == mutex_self) && gettid() == holder) {
        deadlock_abort();
    }
}

/* Once the thread is alone, nobody else changes what it reads next. */
void
mutex_check_unsigned(const pthread_mutex_t *mutex)
{
    if (mutex_is_alone() && mutex_is_taken(mutex) && mutex_holder(mutex) == 0) {
        deadlock_abort();
    }
}

void
mutex_fork_child(void)
{
    mutex_self = 0;
}
