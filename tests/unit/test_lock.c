/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "sync/freeze.h"
#include "sync/lock.h"

enum { N_THREADS = 4, N_ROUNDS = 20000, CHILD_SECONDS = 60 };

/* Counted without atomics: increments are lost, and TSan reports, unless the lock excludes. */
struct shared {
    struct lock lock;
    unsigned long count;
    bool entered;
    pid_t child;
};

static void *
count_up(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < N_ROUNDS; i++) {
        lock_take(&shared->lock);
        shared->count++;
        lock_give(&shared->lock);
    }
    return NULL;
}

static void
expect_exclusion(struct shared *shared)
{
    pthread_t threads[N_THREADS];

    shared->count = 0;
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, shared), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(shared->count, (unsigned long)N_THREADS * N_ROUNDS);
}

static void
one_thread_at_a_time_holds_the_lock(void **state)
{
    static struct shared shared;

    memset(&shared, 0xa5, sizeof(shared));
    lock_init(&shared.lock);
    expect_exclusion(&shared);
}

static void
a_lock_of_zero_bytes_is_free_and_works(void **state)
{
    static struct shared shared;

    expect_exclusion(&shared);
}

static void
a_lock_made_anew_is_free(void **state)
{
    struct shared shared;

    lock_init(&shared.lock);
    lock_take(&shared.lock);
    lock_init(&shared.lock);
    lock_take(&shared.lock);
    lock_give(&shared.lock);
}

static void *
try_once(void *arg)
{
    struct shared *shared = arg;

    shared->entered = lock_try(&shared->lock);
    if (shared->entered) {
        lock_give(&shared->lock);
    }
    return NULL;
}

static bool
another_thread_may_enter(struct shared *shared)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, try_once, shared), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return shared->entered;
}

/* Static: TSan still knows of a lock that a test before this one left taken on the stack. */
static void
a_try_takes_a_free_lock_and_waits_for_none(void **state)
{
    static struct shared shared;

    lock_init(&shared.lock);
    assert_true(lock_try(&shared.lock));
    assert_false(another_thread_may_enter(&shared));
    lock_give(&shared.lock);
    assert_true(another_thread_may_enter(&shared));
    lock_take(&shared.lock);
    assert_false(another_thread_may_enter(&shared));
    lock_give(&shared.lock);
}

static void *
enter_once(void *arg)
{
    struct shared *shared = arg;

    lock_take(&shared->lock);
    shared->entered = true;
    lock_give(&shared->lock);
    return NULL;
}

/* A fork without handlers. */
static void *
fork_in_freeze(void *arg)
{
    struct shared *shared = arg;

    freeze_begin();
    shared->child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (shared->child == 0) {
        alarm(CHILD_SECONDS);
        while (!lock_try(&shared->lock)) {
        }
        lock_give(&shared->lock);
        lock_take(&shared->lock);
        _exit(0);
    }
    freeze_end();
    return NULL;
}

/* Long enough for the spinlock's waiter to spin, yield and sleep. */
static void
a_waiter_waits_as_long_as_the_holder_holds(void **state)
{
    static struct shared shared;
    pthread_t waiter;

    lock_init(&shared.lock);
    lock_take(&shared.lock);
    assert_int_equal(pthread_create(&waiter, NULL, enter_once, &shared), 0);
    usleep(50000);
    assert_false(shared.entered);
    lock_give(&shared.lock);
    assert_int_equal(pthread_join(waiter, NULL), 0);
    assert_true(shared.entered);
}

/*
 * A child in which no handler of the library has run yet, as in the handlers of others that were
 * registered before it: the lock is that of a thread which the child does not have.
 */
static void
a_forked_child_waits_for_no_thread_of_its_parent(void **state)
{
    static struct shared shared;
    pthread_t waiter;
    pid_t child;
    int status;

    lock_init(&shared.lock);
    lock_take(&shared.lock);
    assert_int_equal(pthread_create(&waiter, NULL, fork_in_freeze, &shared), 0);
    assert_int_equal(pthread_join(waiter, NULL), 0);
    lock_give(&shared.lock);
    child = shared.child;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_at_a_time_holds_the_lock),
        cmocka_unit_test(a_lock_of_zero_bytes_is_free_and_works),
        cmocka_unit_test(a_lock_made_anew_is_free),
        cmocka_unit_test(a_try_takes_a_free_lock_and_waits_for_none),
        cmocka_unit_test(a_waiter_waits_as_long_as_the_holder_holds),
        cmocka_unit_test(a_forked_child_waits_for_no_thread_of_its_parent),
    };

    return check_run("lock", tests, 5, !is_under_tsan());
}
