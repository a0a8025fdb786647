/* SPDX-License-Identifier: Apache-2.0 */
/* test_init.c: birth and death of pools between threads. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
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

/* Whether the pool is made to its last member, and works. */
static bool
is_whole(struct os_mempool_ext *ext)
{
    /* Nothing may be put where a callback is that nobody has set. */
    if (ext->mpe_put_cb != NULL || ext->mpe_put_arg != NULL) {
        return false;
    }
    return ext->mpe_mp.mp_num_blocks == 1 && ext->mpe_mp.mp_block_size == 24 &&
           os_memblock_put(&ext->mpe_mp, os_memblock_get(&ext->mpe_mp)) == OS_OK;
}

struct finder {
    struct os_mempool_ext *pools;
    unsigned n_pools, n_found, n_half_made;
};

/* Looks at each pool as soon as a walk finds it. */
static void *
find_each(void *arg)
{
    struct finder *finder = arg;
    struct os_mempool *last = NULL;
    struct os_mempool_info info;

    while (finder->n_found < finder->n_pools) {
        struct os_mempool *next = os_mempool_info_get_next(last, &info);

        if (next == NULL) {
            sched_yield();
            continue;
        }
        finder->n_half_made += !is_whole(&finder->pools[finder->n_found]);
        finder->n_found++;
        last = next;
    }
    return NULL;
}

/* Memory before init is full of what others have left there, a callback too. */
static void
no_walk_finds_a_pool_that_is_half_made(void **state)
{
    struct finder finder = {.n_pools = getenv("OSMEMPOOL_TEST_SHORT") == NULL ? 50000 : 500};
    os_membuf_t *buffers = calloc(finder.n_pools, OS_MEMPOOL_BYTES(1, 24));
    pthread_t thread;

    finder.pools = calloc(finder.n_pools, sizeof(*finder.pools));
    assert_non_null(finder.pools);
    assert_non_null(buffers);
    memset(finder.pools, 0xa5, finder.n_pools * sizeof(*finder.pools));
    assert_int_equal(pthread_create(&thread, NULL, find_each, &finder), 0);
    for (unsigned i = 0; i < finder.n_pools; i++) {
        assert_int_equal(os_mempool_ext_init(&finder.pools[i], 1, 24,
                                             buffers + i * OS_MEMPOOL_SIZE(1, 24), "found"),
                         OS_OK);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(finder.n_half_made, 0);
    for (unsigned i = 0; i < finder.n_pools; i++) {
        assert_int_equal(os_mempool_unregister(&finder.pools[i].mpe_mp), OS_OK);
    }
    free(buffers);
    free(finder.pools);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_register_pools_of_their_own_at_once),
        cmocka_unit_test(a_pool_may_live_again_with_other_measures),
        cmocka_unit_test(no_walk_finds_a_pool_that_is_half_made),
    };

    return cmocka_run_group_tests_name("init", tests, NULL, NULL);
}
