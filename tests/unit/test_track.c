/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "check/track.h"
#include "common/check.h"

static void *
ask_thread(void *arg)
{
    *(bool *)arg = track_thread() == (uint32_t)gettid() && track_thread() == (uint32_t)gettid();
    return NULL;
}

static void
threads_have_the_kernels_numbers(void **state)
{
    bool right = false;
    pthread_t thread;

    assert_int_equal(track_thread(), gettid());
    assert_int_equal(pthread_create(&thread, NULL, ask_thread, &right), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(right);
}

static void
a_forked_child_has_another_number(void **state)
{
    uint32_t before = track_thread();
    int status;
    pid_t child = fork();

    if (child == 0) {
        track_fork_child();
        _exit(track_thread() == (uint32_t)getpid() && track_thread() != before ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void
a_trace_that_was_never_set_tells_nothing(void **state)
{
    struct osmempool_trace told = {.caller = NULL, .age_us = 7, .thread = 7};
    struct trace_end end = {0};

    track_tell(&told, &end);
    assert_null(told.caller);
    assert_int_equal(told.age_us, 7);
}

static void
a_trace_tells_place_thread_and_age(void **state)
{
    struct osmempool_trace told = {0};
    struct trace_end end;
    uint64_t since_us = clock_steady_us();

    track_set(&end, &told);
    assert_true(end.us >= since_us);
    end.us -= 5000000;
    track_tell(&told, &end);
    assert_ptr_equal(told.caller, &told);
    assert_int_equal(told.thread, gettid());
    assert_true(told.age_us >= 5000000);
}

static void
add(struct held *held, uintptr_t caller, uint64_t us, uint32_t thread)
{
    const struct trace_end get = {caller, us, thread};

    track_add_held(held, &get);
}

static void
blocks_are_held_by_the_place_that_got_them(void **state)
{
    struct held held = {0};

    add(&held, 100, 50, 1);
    add(&held, 200, 10, 2);
    add(&held, 100, 30, 3);
    add(&held, 100, 40, 4);
    assert_int_equal(held.n_sites, 2);
    assert_int_equal(held.sites[0].n, 3);
    assert_int_equal(held.sites[0].oldest_us, 30);
    assert_int_equal(held.sites[0].thread, 3);
    assert_int_equal(held.sites[1].n, 1);
    assert_int_equal(held.n_others, 0);
}

static void
places_beyond_the_room_are_counted_together(void **state)
{
    struct held held = {0};

    for (uintptr_t round = 0; round < 2; round++) {
        for (uintptr_t caller = 1; caller <= HELD_SITES + 3; caller++) {
            add(&held, caller, 1, 1);
        }
    }
    assert_int_equal(held.n_sites, HELD_SITES);
    assert_int_equal(held.sites[HELD_SITES - 1].n, 2);
    assert_int_equal(held.n_others, 6);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_have_the_kernels_numbers),
        cmocka_unit_test(a_forked_child_has_another_number),
        cmocka_unit_test(a_trace_that_was_never_set_tells_nothing),
        cmocka_unit_test(a_trace_tells_place_thread_and_age),
        cmocka_unit_test(blocks_are_held_by_the_place_that_got_them),
        cmocka_unit_test(places_beyond_the_room_are_counted_together),
    };

    return cmocka_run_group_tests_name("track", tests, NULL, NULL);
}
