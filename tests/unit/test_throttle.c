/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "check/throttle.h"
#include "common/check.h"

enum { THREADS = 4, EACH = 2000 };

/* A call site of its own for each test, as counts stay for the life of the process. */
static char sites[2 * THROTTLE_MAX];

static void
reports_are_the_same_by_kind_pool_and_call_site(void **state)
{
    for (size_t n = 1; n <= 3; n++) {
        assert_int_equal(throttle_count(1, 7, &sites[0]), n);
        assert_int_equal(throttle_count(2, 7, &sites[0]), n);
        assert_int_equal(throttle_count(1, 8, &sites[0]), n);
        assert_int_equal(throttle_count(1, 7, &sites[1]), n);
        assert_int_equal(throttle_count(1, 7ull << 32, &sites[0]), n);
        assert_int_equal(throttle_count(1, 0, NULL), n);
    }
}

static void
ten_are_printed_and_then_those_at_powers_of_two(void **state)
{
    size_t n_printed = 0;

    for (size_t n = 1; n <= 20000; n++) {
        bool is_power = n == 16 || n == 32 || n == 64 || n == 128 || n == 256 || n == 512 ||
                        n == 1024 || n == 2048 || n == 4096 || n == 8192 || n == 16384;

        assert_int_equal(throttle_prints(n), n <= 10 || is_power);
        n_printed += throttle_prints(n);
    }
    assert_int_equal(n_printed, 10 + 11);
}

static size_t thread_sums[THREADS];

static void *
count_some(void *arg)
{
    size_t *sum = arg;

    for (int i = 0; i < EACH; i++) {
        *sum += throttle_count(3, 1, &sites[2]);
    }
    return NULL;
}

/* Together they were given each number once. */
static void
threads_share_a_count(void **state)
{
    const size_t last = (size_t)THREADS * EACH;
    pthread_t threads[THREADS];
    size_t sum = 0;

    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_some, &thread_sums[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += thread_sums[i];
    }
    assert_int_equal(sum, last * (last + 1) / 2);
    assert_int_equal(throttle_count(3, 1, &sites[2]), last + 1);
}

/* Comes last: there is no room afterwards. */
static void
those_beyond_the_table_are_printed(void **state)
{
    size_t n_known = 0;

    for (size_t i = 0; i < LENGTH(sites); i++) {
        n_known += throttle_count(4, 1, &sites[i]) == 1;
    }
    assert_true(n_known < THROTTLE_MAX && n_known >= THROTTLE_MAX - 8);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(throttle_count(5, 1, &sites[0]), 0);
    }
    assert_true(throttle_prints(0));
    /* Those that had a place keep it. */
    assert_int_equal(throttle_count(1, 7, &sites[1]), 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_the_same_by_kind_pool_and_call_site),
        cmocka_unit_test(ten_are_printed_and_then_those_at_powers_of_two),
        cmocka_unit_test(threads_share_a_count),
        cmocka_unit_test(those_beyond_the_table_are_printed),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
