/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/freeze.h"

#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "base/tool.h"
#include "sync/mutex.h"

static pthread_mutex_t freeze_mutex = PTHREAD_MUTEX_INITIALIZER;

/*
 * The thread that holds the freeze, 0 for none. Relaxed throughout: a thread compares it with
 * itself only, and what it stored itself it sees.
 */
static uintptr_t freeze_holder;
static pid_t freeze_process; /* its process; the holder's alone */

/*
 * The function armed, and whether it is pending in this process. The function is written before
 * a fork and read after it. Pending is exchanged, so that one thread alone runs the function;
 * acquire and release, as what the child handler wrote comes before.
 */
static void (*freeze_restart)(void);
static uint32_t freeze_pending;

static uintptr_t
freeze_self(void)
{
    return (uintptr_t)pthread_self();
}

__attribute__((constructor(102))) static void
freeze_start(void)
{
    mutex_tell_tools(&freeze_mutex);
}

void
freeze_begin(void)
{
    mutex_take(&freeze_mutex);
    tool_atomics(&freeze_holder, sizeof(freeze_holder));
    freeze_process = getpid();
    __atomic_store_n(&freeze_holder, freeze_self(), __ATOMIC_RELAXED);
}

bool
freeze_is_left_behind(void)
{
    return freeze_is_mine() && freeze_process != getpid();
}

void
freeze_end(void)
{
    __atomic_store_n(&freeze_holder, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&freeze_mutex);
}

void
freeze_end_in_child(void)
{
    __atomic_store_n(&freeze_holder, 0, __ATOMIC_RELAXED);
    tool_mutex_inherited(&freeze_mutex);
    pthread_mutex_init(&freeze_mutex, NULL);
    if (__atomic_load_n(&freeze_restart, __ATOMIC_RELAXED) != NULL) {
        __atomic_store_n(&freeze_pending, 1, __ATOMIC_RELEASE);
    }
}

bool
freeze_is_mine(void)
{
    return __atomic_load_n(&freeze_holder, __ATOMIC_RELAXED) == freeze_self();
}

void
freeze_wait(void)
{
    mutex_take(&freeze_mutex);
    pthread_mutex_unlock(&freeze_mutex);
}

void
freeze_arm_first_call(void (*restart)(void))
{
    tool_atomics(&freeze_restart, sizeof(freeze_restart));
    __atomic_store_n(&freeze_restart, restart, __ATOMIC_RELAXED);
    __atomic_store_n(&freeze_pending, 0, __ATOMIC_RELEASE);
}

bool
freeze_first_call_pending(void)
{
    return __atomic_load_n(&freeze_pending, __ATOMIC_ACQUIRE) != 0;
}

void
freeze_first_call(void)
{
    void (*restart)(void) = __atomic_load_n(&freeze_restart, __ATOMIC_RELAXED);

    if (__atomic_exchange_n(&freeze_pending, 0, __ATOMIC_ACQ_REL) != 0 && restart != NULL) {
        restart();
    }
}
