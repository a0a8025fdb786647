/* SPDX-License-Identifier: Apache-2.0 */
/* test_thread.c: records of threads: one each, given back at the end, used again. */
#include <pthread.h>

#include "common/box.h"
#include "sync/thread.h"

enum { ALIVE = 70, ROUNDS = 50, SHORT_ROUNDS = 8, N_KEYS = 3 };

static pthread_barrier_t together;

/* Waits until all have a record, so that as many must be there. */
static void *
take_a_record(void *arg)
{
    struct thread *record = thread_get();

    pthread_barrier_wait(&together);
    return record == thread_get() && record->hot.tp == osmp_thread_pointer() &&
                   record->hot.busy == NULL && record->holds == 0
               ? record
               : NULL;
}

static void
round_of_threads(struct thread **records)
{
    pthread_t threads[ALIVE];
    void *record;

    assert_int_equal(pthread_barrier_init(&together, NULL, ALIVE), 0);
    for (unsigned i = 0; i < ALIVE; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_a_record, NULL), 0);
    }
    for (unsigned i = 0; i < ALIVE; i++) {
        assert_int_equal(pthread_join(threads[i], &record), 0);
        assert_non_null(record);
        records[i] = record;
    }
    pthread_barrier_destroy(&together);
}

static bool
is_among(struct thread *record, struct thread *const *records, unsigned n)
{
    while (n > 0) {
        if (records[--n] == record) {
            return true;
        }
    }
    return false;
}

static void
threads_alive_at_once_have_different_records(void **state)
{
    struct thread *own = thread_get();
    struct thread *records[ALIVE];

    round_of_threads(records);
    for (unsigned i = 0; i < ALIVE; i++) {
        assert_false(is_among(records[i], records, i));
        assert_ptr_not_equal(records[i], own);
        assert_int_equal(records[i]->hot.tp, 0);
    }
}

/* After the first two rounds no record is new: a thread may end after the next one has begun. */
static void
records_are_used_again(void **state)
{
    struct thread *known[4 * ALIVE];
    struct thread *records[ALIVE];
    unsigned n = 0;
    unsigned n_rounds = rounds_of(ROUNDS, SHORT_ROUNDS);

    for (unsigned round = 0; round < n_rounds; round++) {
        round_of_threads(records);
        for (unsigned i = 0; i < ALIVE; i++) {
            if (!is_among(records[i], known, n)) {
                assert_true(n < LENGTH(known));
                known[n++] = records[i];
            }
        }
    }
    assert_in_range(n, ALIVE, 2 * ALIVE);
}

/* A destructor of another library's, which runs after the record was given back. */
static pthread_key_t late_key;
static struct box *late_box;
static unsigned late_failures;
static unsigned late_rounds;

static void
use_a_pool_late(void *value)
{
    late_failures += use_alone(late_box->pool, BOX_WARM);
    late_failures += late_box->pool->osmp_owner != NULL && late_rounds > 0;
    late_rounds++;
    if (late_rounds < N_KEYS) {
        pthread_setspecific(late_key, value);
    }
}

static void *
use_a_pool_and_end(void *arg)
{
    struct box *box = arg;

    use_alone(box->pool, BOX_WARM);
    pthread_setspecific(late_key, box);
    return NULL;
}

/* Such a thread uses the lock, and leaves nothing behind that its record's next user would find. */
static void
a_thread_past_its_end_owns_nothing(struct box *box)
{
    late_box = box;
    late_rounds = 0;
    late_failures = 0;
    assert_int_equal(pthread_key_create(&late_key, use_a_pool_late), 0);
    run_elsewhere(use_a_pool_and_end, box);
    assert_int_equal(pthread_key_delete(late_key), 0);
    assert_int_equal(late_rounds, N_KEYS);
    assert_true(box->kind == BOX_OWNED_ELSEWHERE || late_failures == 0);
    assert_int_equal(take_all(box->pool), BOX_BLOCKS);
}

static bool
child_has_one_record_in_use(void *arg)
{
    struct thread *me = arg;
    pthread_t thread;
    void *record;

    if (me != thread_get() || me->hot.tp != osmp_thread_pointer() || me->holds != 0) {
        return false;
    }
    pthread_barrier_init(&together, NULL, 1);
    return pthread_create(&thread, NULL, take_a_record, NULL) == 0 &&
           pthread_join(thread, &record) == 0 && record != NULL && record != me;
}

static void
a_forked_childs_thread_keeps_its_record(void **state)
{
    assert_true(true_in_child(child_has_one_record_in_use, thread_get()));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_alive_at_once_have_different_records),
        cmocka_unit_test(records_are_used_again),
        BOX_EVERY(a_thread_past_its_end_owns_nothing),
        cmocka_unit_test(a_forked_childs_thread_keeps_its_record),
    };

    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
