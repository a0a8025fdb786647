/* SPDX-License-Identifier: Apache-2.0 */
/* holder.h: a thread that stays in a pool, as one does that a debugger has stopped there. */
#ifndef OSMP_TESTS_HOLDER_H
#define OSMP_TESTS_HOLDER_H

#include <pthread.h>
#include <semaphore.h>

#include "common/check.h"
#include "layout/tail.h"

/* It holds the pool's lock; the test's own thread would take the registry's mutex after it. */
struct holder {
    struct os_mempool *pool;
    pthread_t thread;
    sem_t holds;
    sem_t may_go;
};

static void *
be_holder(void *arg)
{
    struct holder *holder = arg;

    lock_take(&pool_tail(holder->pool)->lock);
    sem_post(&holder->holds);
    while (sem_wait(&holder->may_go) != 0) {
    }
    lock_give(&pool_tail(holder->pool)->lock);
    return NULL;
}

static void
hold(struct holder *holder, struct os_mempool *pool)
{
    holder->pool = pool;
    assert_int_equal(sem_init(&holder->holds, 0, 0), 0);
    assert_int_equal(sem_init(&holder->may_go, 0, 0), 0);
    assert_int_equal(pthread_create(&holder->thread, NULL, be_holder, holder), 0);
    while (sem_wait(&holder->holds) != 0) {
    }
}

static void
let_go(struct holder *holder)
{
    sem_post(&holder->may_go);
    assert_int_equal(pthread_join(holder->thread, NULL), 0);
    sem_destroy(&holder->holds);
    sem_destroy(&holder->may_go);
}

#endif
