/* SPDX-License-Identifier: Apache-2.0 */
/* test_block.c: get and put between threads, and what is counted when a put is refused. */
#include <pthread.h>
#include <stdlib.h>

#include "common/fixture.h"
#include "layout/counts.h"

enum { N_THREADS = 4, N_ROUNDS = 10000, N_RACES = 2000 };

static uint64_t
refused(const struct os_mempool *mp)
{
    struct pool_counts counts;

    counts_read(mp, &counts);
    return counts.refused;
}

static void
each_refused_put_is_counted(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    assert_int_equal(os_memblock_put(fx->pool, NULL), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put(fx->pool, fx), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put_from_cb(fx->pool, fx->buffer + 1), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put(fx->pool, fixture_block(fx, 1)), OS_INVALID_PARM);
    assert_int_equal(refused(fx->pool), 4);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_INVALID_PARM);
    assert_int_equal(refused(fx->pool), 5);
}

static void
each_failed_get_is_counted_also_of_a_pool_of_no_blocks(void **state)
{
    struct pool_counts counts;
    struct os_mempool pool;

    assert_int_equal(os_mempool_init(&pool, 0, 8, NULL, "none"), OS_OK);
    assert_null(os_memblock_get(&pool));
    assert_null(os_memblock_get(&pool));
    counts_read(&pool, &counts);
    assert_int_equal(counts.failed, 2);
    assert_int_equal(counts.gets, 0);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

/*
 * What threads do and see. They record; the main thread asserts after it has joined them.
 */
struct worker {
    struct fixture *fx;
    pthread_barrier_t *start;
    void **races; /* the block of each race */
    unsigned errors;
    unsigned successes;
};

static void
run_workers(struct worker *workers, unsigned n, void *(*work)(void *))
{
    pthread_t threads[N_THREADS];

    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

/* Two threads that held one block would write to it at once: a lost count, and a report by TSan. */
static void *
get_use_and_put(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < N_ROUNDS; i++) {
        struct worker **block = os_memblock_get(worker->fx->pool);

        if (block == NULL) {
            continue;
        }
        block[1] = worker;
        block[2] = worker;
        worker->errors += block[1] != worker || block[2] != worker;
        worker->errors += os_memblock_put(worker->fx->pool, block) != OS_OK;
        worker->successes++;
    }
    return NULL;
}

static void
a_block_has_one_owner_at_a_time(void **state)
{
    struct worker workers[N_THREADS] = {
        {.fx = *state}, {.fx = *state}, {.fx = *state}, {.fx = *state}};
    struct pool_counts counts;
    uint64_t successes = 0;

    run_workers(workers, N_THREADS, get_use_and_put);
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(workers[i].errors, 0);
        successes += workers[i].successes;
    }
    counts_read(workers[0].fx->pool, &counts);
    assert_true(counts.gets == successes && counts.puts == successes);
    assert_true(counts.failed == (uint64_t)N_THREADS * N_ROUNDS - successes);
}

/* Both put the block of each race. A barrier before it, and one after it. */
static void *
put_the_same(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < N_RACES; i++) {
        pthread_barrier_wait(worker->start);
        worker->successes += os_memblock_put(worker->fx->pool, *worker->races) == OS_OK;
        if (pthread_barrier_wait(worker->start) == PTHREAD_BARRIER_SERIAL_THREAD) {
            *worker->races = os_memblock_get(worker->fx->pool);
        }
    }
    return NULL;
}

static void
of_two_puts_of_one_block_at_once_one_succeeds(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);
    pthread_barrier_t start;
    struct worker workers[2] = {{fx, &start, &block, 0, 0}, {fx, &start, &block, 0, 0}};

    fx->ext.mpe_put_arg = fx;
    assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
    run_workers(workers, 2, put_the_same);
    pthread_barrier_destroy(&start);
    assert_int_equal(workers[0].successes + workers[1].successes, N_RACES);
    assert_int_equal(refused(fx->pool), N_RACES);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
}

/* The callback of two threads at once must not count in one place. */
static os_error_t
put_back(struct os_mempool_ext *ome, void *data, void *arg)
{
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static int
setup_put_back(void **state)
{
    int error = fixture_extended(state);

    ((struct fixture *)*state)->ext.mpe_put_cb = put_back;
    return error;
}

/* While others take blocks out and put them back, the list stays sound for whoever looks. */
static void *
look(void *arg)
{
    struct worker *worker = arg;
    struct pool_counts counts;

    for (int i = 0; i < N_ROUNDS / 10; i++) {
        worker->errors += !os_mempool_is_sane(worker->fx->pool);
        counts_read(worker->fx->pool, &counts);
        worker->errors +=
            !counts.stale && (counts.num_free > FIXTURE_BLOCKS || counts.puts > counts.gets);
    }
    return NULL;
}

static void *
look_or_work(void *arg)
{
    struct worker *worker = arg;

    return worker->start == NULL ? get_use_and_put(worker) : look(worker);
}

static void
a_pool_in_use_is_sane_at_any_moment(void **state)
{
    pthread_barrier_t looker;
    struct worker workers[3] = {{.fx = *state}, {.fx = *state}, {.fx = *state, .start = &looker}};

    run_workers(workers, 3, look_or_work);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(workers[i].errors, 0);
    }
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, fixture_plain, fixture_end)
/* clang-format off */
#define EXTENDED(test) {#test " (extended)", test, setup_put_back, fixture_end, NULL}
/* clang-format on */

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(each_refused_put_is_counted),
        EXTENDED(each_refused_put_is_counted),
        cmocka_unit_test(each_failed_get_is_counted_also_of_a_pool_of_no_blocks),
        PLAIN(a_block_has_one_owner_at_a_time),
        EXTENDED(a_block_has_one_owner_at_a_time),
        PLAIN(of_two_puts_of_one_block_at_once_one_succeeds),
        EXTENDED(of_two_puts_of_one_block_at_once_one_succeeds),
        PLAIN(a_pool_in_use_is_sane_at_any_moment),
    };

    return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
