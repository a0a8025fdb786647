/* SPDX-License-Identifier: Apache-2.0 */
/* test_walk.c: the walk over the pools, with counts that no test could make, and while it changes.
 */
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "common/fixture.h"
#include "registry/registry.h"

enum { N_POOLS = 8, N_ROUNDS = 3000 };

/* A pool of 4 billion blocks needs 32 GiB; its counters alone do here. */
static void
counts_above_int_max_are_shown_as_int_max(void **state)
{
    const uint32_t counts[] = {INT_MAX - 1u, INT_MAX, INT_MAX + 1u, UINT32_MAX};
    struct os_mempool_info info;
    struct os_mempool pool;

    assert_int_equal(os_mempool_init(&pool, 0, 8, NULL, "huge"), OS_OK);
    for (size_t i = 0; i < LENGTH(counts); i++) {
        int shown = counts[i] < INT_MAX ? (int)counts[i] : INT_MAX;

        pool.mp_num_blocks = pool.mp_num_free = pool.mp_min_free = counts[i];
        assert_ptr_equal(os_mempool_info_get_next(NULL, &info), &pool);
        assert_int_equal(info.omi_num_blocks, shown);
        assert_int_equal(info.omi_num_free, shown);
        assert_int_equal(info.omi_min_free, shown);
    }
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

struct comings {
    struct os_mempool pools[N_POOLS];
    bool stop;
};

static void *
come_and_go(void *arg)
{
    struct comings *comings = arg;

    for (unsigned i = 0; !__atomic_load_n(&comings->stop, __ATOMIC_RELAXED); i++) {
        struct os_mempool *mp = &comings->pools[i % N_POOLS];

        if (os_mempool_unregister(mp) != OS_OK) {
            os_mempool_init(mp, 0, 8, NULL, "moving");
        }
    }
    return NULL;
}

/* Pools that stay frame the walk: each is met at its place, or the walk ended at a gone pool. */
static void
a_walk_ends_while_pools_come_and_go(void **state)
{
    static struct comings comings;
    struct os_mempool_info info;
    struct os_mempool stays;
    pthread_t thread;

    assert_int_equal(os_mempool_init(&stays, 0, 8, NULL, "stays"), OS_OK);
    assert_int_equal(pthread_create(&thread, NULL, come_and_go, &comings), 0);
    for (int i = 0; i < N_ROUNDS; i++) {
        struct os_mempool *mp = os_mempool_info_get_next(NULL, &info);

        assert_ptr_equal(mp, &stays);
        while ((mp = os_mempool_info_get_next(mp, &info)) != NULL) {
            assert_string_equal(info.omi_name, "moving");
        }
        assert_ptr_equal(os_mempool_get("stays", NULL), &stays);
    }
    __atomic_store_n(&comings.stop, true, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(os_mempool_unregister(&stays), OS_OK);
    for (int i = 0; i < N_POOLS; i++) {
        os_mempool_unregister(&comings.pools[i]);
    }
    assert_int_equal(registry_count(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_above_int_max_are_shown_as_int_max),
        cmocka_unit_test(a_walk_ends_while_pools_come_and_go),
    };

    return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
