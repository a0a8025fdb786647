/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_running.c: notes of calls that have not returned. Frames are numbers here: the stack grows
 * downwards, so a caller's is the greater one.
 */
#include <pthread.h>

#include "common/box.h"
#include "sync/running.h"

enum { TOP = 1 << 30, MANY = 25000, TOO_MANY = 100000, SHORT = 3000, N_THREADS = 4 };

static char pool, other;
static char things[TOO_MANY];

static struct running
begin(const void *what, uintptr_t frame)
{
    return running_begin(RUNNING_CALL, &pool, what, frame);
}

static void
a_note_lasts_from_its_beginning_to_its_end(void **state)
{
    struct running running;

    assert_false(running_has(&pool, &things[0], TOP - 10));
    running = begin(&things[0], TOP);
    assert_true(running_is_noted(running));
    assert_true(running_has(&pool, &things[0], TOP - 10));
    assert_true(running_has(&pool, &things[0], TOP - 10));
    assert_false(running_has(&pool, &things[1], TOP - 10));
    assert_false(running_has(&other, &things[0], TOP - 10));
    running_end(running);
    assert_false(running_is_noted(running));
    assert_false(running_has(&pool, &things[0], TOP - 10));
    running_end(running);
}

static void
a_call_that_is_no_caller_of_who_asks_was_left(void **state)
{
    const uintptr_t frames[] = {TOP, TOP + 1, TOP + 1000};

    for (unsigned i = 0; i < LENGTH(frames); i++) {
        struct running running = begin(&things[0], TOP);

        assert_true(running_has(&pool, &things[0], TOP - 1));
        assert_false(running_has(&pool, &things[0], frames[i]));
        assert_false(running_is_noted(running));
        assert_false(running_has(&pool, &things[0], TOP - 1));
        running = begin(&things[0], TOP);
        running_drop_left(&pool, &things[0], TOP - 1);
        assert_true(running_is_noted(running));
        running_drop_left(&pool, &things[0], frames[i]);
        assert_false(running_is_noted(running));
    }
}

static void
a_call_that_returns_late_ends_no_newer_note(void **state)
{
    struct running first = begin(&things[0], TOP);
    struct running second;

    running_end_for(&pool, &things[0]);
    assert_false(running_is_noted(first));
    second = begin(&things[0], TOP - 100);
    running_end(first);
    assert_true(running_is_noted(second));
    assert_true(running_has(&pool, &things[0], TOP - 200));
    running_end(second);
    assert_false(running_has(&pool, &things[0], TOP - 200));
}

static void
all_notes_for_a_thing_end_together(void **state)
{
    struct running notes[3];

    for (unsigned i = 0; i < LENGTH(notes); i++) {
        notes[i] = begin(&things[0], TOP - i);
    }
    running_end_for(&pool, &things[0]);
    for (unsigned i = 0; i < LENGTH(notes); i++) {
        assert_false(running_is_noted(notes[i]));
    }
}

static void
all_of_one_owner_end_together_but_what_is_excepted(void **state)
{
    struct running mine = begin(&things[0], TOP);
    struct running also = begin(&things[1], TOP);
    struct running excepted = running_begin(RUNNING_KEPT, &pool, &pool, TOP);
    struct running others = running_begin(RUNNING_CALL, &other, &things[0], TOP);

    running_end_all(&pool, &pool);
    assert_false(running_is_noted(mine) || running_is_noted(also));
    assert_true(running_is_noted(excepted) && running_is_noted(others));
    running_end_all(&pool, NULL);
    assert_false(running_is_noted(excepted));
    running_end(others);
}

/* All notes of nested calls are known, from the innermost one. */
static void
nested_calls_are_known_however_deep(void **state)
{
    const unsigned n = rounds_of(MANY, SHORT);
    struct running *notes = calloc(n, sizeof(*notes));

    assert_non_null(notes);
    for (unsigned i = 0; i < n; i++) {
        assert_false(running_has(&pool, &things[i], TOP - i));
        notes[i] = begin(&things[i], TOP - i);
    }
    for (unsigned i = 0; i < n; i++) {
        assert_true(running_has(&pool, &things[i], TOP - n));
    }
    for (unsigned i = n; i > 0; i--) {
        running_end(notes[i - 1]);
    }
    for (unsigned i = 0; i < n; i++) {
        assert_false(running_has(&pool, &things[i], TOP - n));
    }
    free(notes);
}

/* More than there is room for: the last ones are known, and those that must be kept. */
static void
more_notes_than_slots_push_others_out(void **state)
{
    enum { KEPT = 100 };
    const unsigned n = rounds_of(TOO_MANY, SHORT);
    struct running kept[KEPT], last = {NULL, 0};

    for (unsigned i = 0; i < KEPT; i++) {
        kept[i] = running_begin(RUNNING_KEPT, &other, &things[i], TOP);
    }
    for (unsigned i = 0; i < n; i++) {
        last = begin(&things[i], TOP - i);
        assert_non_null(last.slot);
        assert_true(running_has(&pool, &things[i], TOP - i - 1));
    }
    assert_true(running_is_noted(last));
    for (unsigned i = 0; i < KEPT; i++) {
        assert_true(running_is_noted(kept[i]));
    }
    running_end_all(&pool, NULL);
    running_end_all(&other, NULL);
    assert_false(running_is_noted(last) || running_is_noted(kept[0]));
}

static void *
ask_twice(void *arg)
{
    bool *answers = arg;

    answers[0] = running_has(&pool, &things[0], 0);
    answers[1] = running_has(&pool, &things[0], 0);
    return NULL;
}

/* It may be left for good, and that thread at its end; then nobody else ends it. */
static void
a_call_of_another_thread_counts_once(void **state)
{
    struct running running = begin(&things[0], TOP);
    bool answers[2];

    run_elsewhere(ask_twice, answers);
    assert_true(answers[0]);
    assert_false(answers[1]);
    assert_false(running_is_noted(running));
}

static void *
end_it(void *arg)
{
    running_end(*(struct running *)arg);
    return NULL;
}

static void
a_call_may_return_in_another_thread(void **state)
{
    struct running running = begin(&things[0], TOP);

    run_elsewhere(end_it, &running);
    assert_false(running_is_noted(running));
    assert_false(running_has(&pool, &things[0], TOP - 10));
}

static struct running of_another;

static void *
begin_elsewhere(void *arg)
{
    of_another = begin(&things[1], TOP);
    return NULL;
}

/* The other thread will not return there; this one may. */
static bool
child_knows_its_own(void *arg)
{
    struct running *mine = arg;
    bool known = running_is_noted(*mine) && running_has(&pool, &things[0], TOP - 10) &&
                 !running_is_noted(of_another) && !running_has(&pool, &things[1], TOP - 10);

    running_end(*mine);
    return known && !running_has(&pool, &things[0], TOP - 10);
}

static void
a_child_knows_the_calls_of_the_thread_that_forked(void **state)
{
    struct running running = begin(&things[0], TOP);

    run_elsewhere(begin_elsewhere, NULL);
    assert_true(true_in_child(child_knows_its_own, &running));
    assert_true(running_is_noted(running) && running_is_noted(of_another));
    running_end(running);
    running_end(of_another);
}

/* Each thread knows its own notes at any time; some end one another's, and all sweep. */
static void *
note_in_turn(void *arg)
{
    const uintptr_t number = (uintptr_t)arg;
    unsigned failures = 0;

    for (unsigned i = 0; i < rounds_of(20000, 500); i++) {
        const char *own = &things[number * 1000 + i % 100];
        struct running shared = running_begin(RUNNING_CALL, &other, &things[i % 7], TOP);
        struct running running = begin(own, TOP - i);

        failures += !running_has(&pool, own, TOP - i - 1);
        running_end_for(&other, &things[i % 5]);
        if (i % 64 == 0) {
            running_end_all(&other, NULL);
        }
        running_end(shared);
        running_end(running);
        failures += running_has(&pool, own, TOP - i - 1);
    }
    return (void *)(uintptr_t)failures;
}

static void
threads_note_their_calls_side_by_side(void **state)
{
    pthread_t threads[N_THREADS];
    void *failures;

    for (uintptr_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, note_in_turn, (void *)i), 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failures), 0);
        assert_null(failures);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_lasts_from_its_beginning_to_its_end),
        cmocka_unit_test(a_call_that_is_no_caller_of_who_asks_was_left),
        cmocka_unit_test(a_call_that_returns_late_ends_no_newer_note),
        cmocka_unit_test(all_notes_for_a_thing_end_together),
        cmocka_unit_test(all_of_one_owner_end_together_but_what_is_excepted),
        cmocka_unit_test(threads_note_their_calls_side_by_side),
        cmocka_unit_test(nested_calls_are_known_however_deep),
        cmocka_unit_test(more_notes_than_slots_push_others_out),
        cmocka_unit_test(a_call_of_another_thread_counts_once),
        cmocka_unit_test(a_call_may_return_in_another_thread),
        cmocka_unit_test(a_child_knows_the_calls_of_the_thread_that_forked),
    };

    return cmocka_run_group_tests_name("running", tests, NULL, NULL);
}
