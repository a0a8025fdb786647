/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/thread.h"

#include <errno.h>
#include <pthread.h>

#include "base/pages.h"
#include "sync/freeze.h"
#include "sync/mutex.h"
#include "sync/running.h"

enum { THREAD_PAGE_BYTES = 4096 };

static pthread_mutex_t thread_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct thread *thread_all;
static struct thread *thread_free;

static pthread_key_t thread_key;
static bool thread_has_key;
static void (*thread_release)(struct thread *thread);

static _Thread_local struct thread *thread_own;
static _Thread_local bool thread_past_end;

#ifndef OSMP_HAVE_THREAD_POINTER
uintptr_t
osmp_thread_pointer(void)
{
    return (uintptr_t)&thread_own;
}
#endif

/* Fills the list of free records with another page; leaves it empty if there is no memory. */
static void
thread_add_page(void)
{
    struct thread *page = pages_map(THREAD_PAGE_BYTES);

    for (size_t i = 0; page != NULL && i < THREAD_PAGE_BYTES / sizeof(*page); i++) {
        page[i].next = thread_all;
        /* Release: pairs with the acquire in thread_known(). */
        __atomic_store_n(&thread_all, &page[i], __ATOMIC_RELEASE);
        page[i].next_free = thread_free;
        thread_free = &page[i];
    }
}

/* Relaxed: tp is compared with a thread's own pointer, and it sees what it stored itself. */
static void
thread_set_tp(struct thread *thread, uintptr_t tp)
{
    __atomic_store_n(&thread->hot.tp, tp, __ATOMIC_RELAXED);
}

static struct thread *
thread_take(void)
{
    struct thread *thread;

    mutex_take(&thread_mutex);
    if (thread_free == NULL) {
        thread_add_page();
    }
    thread = thread_free;
    if (thread != NULL) {
        thread_free = thread->next_free;
        thread_set_tp(thread, osmp_thread_pointer());
    }
    pthread_mutex_unlock(&thread_mutex);
    return thread;
}

/* tp is cleared before the record is free: the next thread may have the same thread pointer. */
static void
thread_give(struct thread *thread)
{
    mutex_take(&thread_mutex);
    thread_set_tp(thread, 0);
    thread->next_free = thread_free;
    thread_free = thread;
    pthread_mutex_unlock(&thread_mutex);
}

struct thread *
thread_get(void)
{
    struct thread *thread = thread_own;
    int saved = errno;

    /* The thread that forks has the mutex of the list already. */
    if (thread != NULL || thread_past_end || !thread_has_key || freeze_is_mine()) {
        return thread;
    }
    thread = thread_take();
    if (thread != NULL && pthread_setspecific(thread_key, thread) != 0) {
        thread_give(thread);
        thread = NULL;
    }
    thread_own = thread;
    errno = saved;
    return thread;
}

/* Relaxed: a record bears this thread's pointer only if the thread itself wrote it there. */
struct thread *
thread_known(void)
{
    const uintptr_t tp = osmp_thread_pointer();
    struct thread *thread = __atomic_load_n(&thread_all, __ATOMIC_ACQUIRE);

    while (thread != NULL && __atomic_load_n(&thread->hot.tp, __ATOMIC_RELAXED) != tp) {
        thread = thread->next;
    }
    return thread;
}

bool
thread_may_get(void)
{
    return thread_has_key;
}

void
thread_unhold(struct thread *thread)
{
    uint32_t holds = __atomic_load_n(&thread->holds, __ATOMIC_RELAXED);

    while (holds > 0 && !__atomic_compare_exchange_n(&thread->holds, &holds, holds - 1, false,
                                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

/* The destructor: first out of all pools, then the record is given back. */
static void
thread_end(void *record)
{
    struct thread *thread = record;

    thread_past_end = true;
    if (thread_release != NULL && __atomic_load_n(&thread->holds, __ATOMIC_RELAXED) > 0) {
        thread_release(thread);
    }
    __atomic_store_n(&thread->holds, 0, __ATOMIC_RELAXED);
    thread_own = NULL;
    thread_give(thread);
}

__attribute__((constructor(101))) static void
thread_start(void)
{
    thread_has_key = pthread_key_create(&thread_key, thread_end) == 0;
}

/* After tool.c has found out about Valgrind. */
__attribute__((constructor(102))) static void
thread_tell_tools(void)
{
    mutex_tell_tools(&thread_mutex);
}

void
thread_set_release(void (*release)(struct thread *thread))
{
    thread_release = release;
}

void
thread_fork_prepare(void)
{
    mutex_take(&thread_mutex);
}

void
thread_fork_parent(void)
{
    pthread_mutex_unlock(&thread_mutex);
}

void
thread_fork_child(void)
{
    thread_fork_parent();
    mutex_fork_child();
    thread_free = NULL;
    for (struct thread *thread = thread_all; thread != NULL; thread = thread->next) {
        thread->hot.busy = NULL;
        thread->holds = 0;
        if (thread != thread_own) {
            thread_set_tp(thread, 0);
            thread->next_free = thread_free;
            thread_free = thread;
        }
    }
    running_fork_child();
}
