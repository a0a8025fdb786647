/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handler.c: the fault handler and its argument, while other threads set others. (That no
 * instruction of a change is one at which a fault is lost is in litmus/test_handler_steps.c.)
 */
#include <pthread.h>

#include "check/handler.h"
#include "common/box.h"
#include "common/ears.h"

enum { SETTERS = 3, FAULTS = 100000, SHORT_FAULTS = 2000 };

static bool may_end;

static void *
set_in_turn(void *arg)
{
    while (!__atomic_load_n(&may_end, __ATOMIC_RELAXED)) {
        ears_set_first();
        ears_set_second();
    }
    return NULL;
}

static void
while_threads_set_it(unsigned n_setters)
{
    pthread_t setters[SETTERS];

    may_end = false;
    ears_set_first();
    for (unsigned i = 0; i < n_setters; i++) {
        assert_int_equal(pthread_create(&setters[i], NULL, set_in_turn, NULL), 0);
    }
    assert_true(ears_hear_all(rounds_of(FAULTS, SHORT_FAULTS)));
    __atomic_store_n(&may_end, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < n_setters; i++) {
        assert_int_equal(pthread_join(setters[i], NULL), 0);
    }
    osmempool_set_fault_handler(NULL, NULL);
}

static void
every_fault_is_handed_over_while_a_thread_sets_handlers(void **state)
{
    while_threads_set_it(1);
}

static void
every_fault_is_handed_over_while_threads_take_turns(void **state)
{
    while_threads_set_it(SETTERS);
}

static void
the_last_one_set_is_the_current_one(void **state)
{
    assert_true(handler_get().fn == NULL);
    for (unsigned i = 0; i < 5; i++) {
        ears_set_first();
        assert_true(handler_get().fn == ears_hear_first && handler_get().arg == &ears_heard[0]);
        ears_set_second();
        assert_true(handler_get().fn == ears_hear_second && handler_get().arg == &ears_heard[1]);
    }
    osmempool_set_fault_handler(NULL, NULL);
    assert_true(handler_get().fn == NULL);
}

static bool
child_has_first(void *arg)
{
    if (handler_get().fn != ears_hear_first || handler_get().arg != &ears_heard[0]) {
        return false;
    }
    ears_set_second();
    return handler_get().fn == ears_hear_second;
}

static void
a_child_has_its_parents_handler_and_may_set_another(void **state)
{
    ears_set_first();
    assert_true(true_in_child(child_has_first, NULL));
    assert_true(handler_get().fn == ears_hear_first);
    osmempool_set_fault_handler(NULL, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_handed_over_while_a_thread_sets_handlers),
        cmocka_unit_test(every_fault_is_handed_over_while_threads_take_turns),
        cmocka_unit_test(the_last_one_set_is_the_current_one),
        cmocka_unit_test(a_child_has_its_parents_handler_and_may_set_another),
    };

    return cmocka_run_group_tests_name("handler", tests, NULL, NULL);
}
