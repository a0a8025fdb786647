/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <unistd.h>

#include "common/check.h"
#include "sync/freeze.h"

enum { N_THREADS = 4 };

/* What a second thread saw; written by it, read after it was joined or through the atomics. */
struct witness {
    bool mine;
    bool passed;
};

static void *
look_and_wait(void *arg)
{
    struct witness *witness = arg;

    witness->mine = freeze_is_mine();
    freeze_wait();
    __atomic_store_n(&witness->passed, true, __ATOMIC_RELEASE);
    return NULL;
}

static void
others_wait_until_the_freeze_ends(void **state)
{
    struct witness witness = {false, false};
    pthread_t thread;

    freeze_begin();
    assert_int_equal(pthread_create(&thread, NULL, look_and_wait, &witness), 0);
    usleep(20000);
    assert_false(__atomic_load_n(&witness.passed, __ATOMIC_ACQUIRE));
    freeze_end();
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(witness.passed);
    assert_false(witness.mine);
}

static void
only_the_thread_that_froze_holds_the_freeze(void **state)
{
    assert_false(freeze_is_mine());
    freeze_begin();
    assert_true(freeze_is_mine());
    freeze_end();
    assert_false(freeze_is_mine());
    freeze_wait();
}

static unsigned n_restarts;

static void
count_restart(void)
{
    __atomic_add_fetch(&n_restarts, 1, __ATOMIC_RELAXED);
}

static void *
first_call(void *arg)
{
    freeze_first_call();
    return NULL;
}

/* As if in a child; the freeze's mutex is made anew there. */
static void
the_armed_function_runs_once_in_a_child(void **state)
{
    pthread_t threads[N_THREADS];

    freeze_arm_first_call(count_restart);
    assert_false(freeze_first_call_pending());
    freeze_begin();
    freeze_end_in_child();
    assert_false(freeze_is_mine());
    assert_true(freeze_first_call_pending());
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, first_call, NULL), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(n_restarts, 1);
    assert_false(freeze_first_call_pending());
}

static void
nothing_is_pending_in_a_child_when_nothing_is_armed(void **state)
{
    freeze_arm_first_call(NULL);
    freeze_begin();
    freeze_end_in_child();
    assert_false(freeze_first_call_pending());
    freeze_wait();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_wait_until_the_freeze_ends),
        cmocka_unit_test(only_the_thread_that_froze_holds_the_freeze),
        cmocka_unit_test(the_armed_function_runs_once_in_a_child),
        cmocka_unit_test(nothing_is_pending_in_a_child_when_nothing_is_armed),
    };

    return cmocka_run_group_tests_name("freeze", tests, NULL, NULL);
}
