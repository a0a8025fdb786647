/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handler_steps.c: a thread that sets a fault handler is stopped after each instruction of
 * that, as if it had lost its processor, and another thread makes faults and forks meanwhile.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "common/box.h"
#include "common/ears.h"
#include "common/steps.h"

enum { STEPS_MAX = 2000, LOOK_US = 50 };

static struct setter {
    unsigned stop; /* after so many instructions */
    unsigned step;
    bool is_stopped;
    bool may_go_on;
    bool is_done;
} setter;

static void
tell(bool *fact)
{
    __atomic_store_n(fact, true, __ATOMIC_SEQ_CST);
}

static bool
is_told(const bool *fact)
{
    return __atomic_load_n(fact, __ATOMIC_SEQ_CST);
}

static void
stop_at_step(int signal, siginfo_t *info, void *context)
{
    if (++setter.step == setter.stop) {
        trap_flag_clear_in(context);
        tell(&setter.is_stopped);
        while (!is_told(&setter.may_go_on)) {
            usleep(LOOK_US);
        }
    }
}

static void *
set_second(void *arg)
{
    trap_flag_set();
    ears_set_second();
    trap_flag_clear();
    tell(&setter.is_done);
    return NULL;
}

static bool
child_hears(void *arg)
{
    bool heard = ears_hear_all(1);

    ears_set_first();
    return heard && ears_hear_all(1);
}

/* Stops the thread after so many instructions; false if it needs no more than that. */
static bool
stops_and_nothing_is_lost(unsigned stop)
{
    pthread_t thread;
    bool stopped;

    setter = (struct setter){.stop = stop};
    ears_set_first();
    assert_int_equal(pthread_create(&thread, NULL, set_second, NULL), 0);
    while (!is_told(&setter.is_stopped) && !is_told(&setter.is_done)) {
        usleep(LOOK_US);
    }
    stopped = is_told(&setter.is_stopped);
    assert_true(ears_hear_all(1));
    assert_true(!stopped || true_in_child(child_hears, NULL));
    tell(&setter.may_go_on);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(ears_hear_all(1));
    return stopped;
}

static void
whoever_stops_in_a_change_no_fault_is_lost_in_parent_or_child(void **state)
{
    const struct sigaction on_trap = {.sa_sigaction = stop_at_step, .sa_flags = SA_SIGINFO};
    unsigned stop = 1;

    assert_int_equal(sigaction(SIGTRAP, &on_trap, NULL), 0);
    while (stops_and_nothing_is_lost(stop)) {
        assert_true(++stop < STEPS_MAX);
    }
    assert_true(stop > 1 || !steps_are_had);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_stops_in_a_change_no_fault_is_lost_in_parent_or_child),
    };

    return cmocka_run_group_tests_name("handler_steps", tests, NULL, NULL);
}
