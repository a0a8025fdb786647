/* SPDX-License-Identifier: Apache-2.0 */
/* test_init.c: birth and death of pools between threads. */
#include <pthread.h>
#include <string.h>

#include "common/fixture.h"
#include "registry/registry.h"

enum { N_THREADS = 4, N_ROUNDS = 2000 };

struct worker {
    struct os_mempool own;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 24)];
    unsigned births, deaths;
};

static void *
init_and_unregister(void *arg)
{
    struct worker *worker = arg;

    for (int i = 0; i < N_ROUNDS; i++) {
        worker->births += os_mempool_init(&worker->own, 4, 24, worker->buffer, "worker") == OS_OK;
        worker->deaths += os_mempool_unregister(&worker->own) == OS_OK;
    }
    return NULL;
}

static void
run_workers(struct worker *workers)
{
    pthread_t threads[N_THREADS];

    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, init_and_unregister, &workers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void
threads_may_register_pools_of_their_own_at_once(void **state)
{
    static struct worker workers[N_THREADS];

    run_workers(workers);
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(workers[i].births, N_ROUNDS);
        assert_int_equal(workers[i].deaths, N_ROUNDS);
    }
    assert_int_equal(registry_count(), 0);
}

static void
a_pool_may_live_again_with_other_measures(void **state)
{
    struct os_mempool_ext ext;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 24)];

    assert_int_equal(os_mempool_ext_init(&ext, 4, 24, buffer, "first"), OS_OK);
    ext.mpe_put_cb = fixture_count_call;
    assert_int_equal(os_mempool_unregister(&ext.mpe_mp), OS_OK);
    assert_int_equal(os_mempool_init(&ext.mpe_mp, 6, 9, buffer, "second"), OS_OK);
    assert_int_equal(ext.mpe_mp.mp_flags, 0);
    pool_expect_whole(&ext.mpe_mp);
    assert_int_equal(os_mempool_unregister(&ext.mpe_mp), OS_OK);
    assert_int_equal(os_mempool_ext_init(&ext, 2, 24, buffer, "third"), OS_OK);
    assert_null(ext.mpe_put_cb);
    pool_expect_whole(&ext.mpe_mp);
    assert_int_equal(os_mempool_unregister(&ext.mpe_mp), OS_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_register_pools_of_their_own_at_once),
        cmocka_unit_test(a_pool_may_live_again_with_other_measures),
    };

    return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
