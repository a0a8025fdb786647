/* SPDX-License-Identifier: Apache-2.0 */
/* test_registry.c: list and tree of the registered pools against an oracle. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/box.h"
#include "common/fixture.h"
#include "common/holder.h"
#include "registry/registry.h"

enum { N_POOLS = 200, N_STEPS = 20000, N_LINEAR = 20000, N_MOMENTS = 20 };

struct oracle {
    struct os_mempool pools[N_POOLS];
    struct os_mempool *order[N_POOLS]; /* the registered ones */
    unsigned n;
};

static unsigned
oracle_find(const struct oracle *oracle, const struct os_mempool *mp)
{
    unsigned i = 0;

    while (i < oracle->n && oracle->order[i] != mp) {
        i++;
    }
    return i;
}

/* Registers the pool if it is not, and takes it out if it is. */
static void
oracle_toggle(struct oracle *oracle, struct os_mempool *mp)
{
    unsigned i = oracle_find(oracle, mp);

    if (i == oracle->n) {
        assert_int_equal(os_mempool_init(mp, 0, 8, NULL, NULL), OS_OK);
        oracle->order[oracle->n++] = mp;
        return;
    }
    assert_int_equal(os_mempool_init(mp, 0, 8, NULL, NULL), OS_EBUSY);
    assert_int_equal(os_mempool_unregister(mp), OS_OK);
    oracle->n--;
    memmove(&oracle->order[i], &oracle->order[i + 1], (oracle->n - i) * sizeof(*oracle->order));
}

static void
oracle_compare(const struct oracle *oracle)
{
    struct os_mempool *mp;

    assert_int_equal(registry_count(), oracle->n);
    registry_enter();
    mp = registry_first();
    for (unsigned i = 0; i < oracle->n; i++, mp = registry_next(mp)) {
        assert_ptr_equal(mp, oracle->order[i]);
    }
    assert_null(mp);
    for (unsigned i = 0; i < N_POOLS; i++) {
        bool registered = oracle_find(oracle, &oracle->pools[i]) < oracle->n;

        assert_int_equal(registry_has(&oracle->pools[i]), registered);
    }
    registry_leave();
}

static void
list_and_tree_agree_after_random_births_and_deaths(void **state)
{
    uint64_t random = random_seed(0x7265676973747279);
    struct oracle *oracle = calloc(1, sizeof(*oracle));

    assert_non_null(oracle);
    for (int i = 0; i < N_STEPS; i++) {
        oracle_toggle(oracle, &oracle->pools[random_next(&random) % N_POOLS]);
        if (i % 100 == 0) {
            oracle_compare(oracle);
        }
    }
    while (oracle->n > 0) {
        oracle_toggle(oracle, oracle->order[random_next(&random) % oracle->n]);
    }
    oracle_compare(oracle);
    free(oracle);
}

static void
a_copy_is_in_order_and_as_long_as_there_is_room(void **state)
{
    struct pool_counts counts[4];
    struct os_mempool pools[3];
    const char *const names[] = {"a", "b", "c"};

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_init(&pools[i], 0, 8 + i, NULL, names[i]), OS_OK);
    }
    for (size_t room = 0; room <= LENGTH(counts); room++) {
        memset(counts, 0xa5, sizeof(counts));
        assert_int_equal(registry_copy(counts, room), 3);
        for (unsigned i = 0; i < 3 && i < room; i++) {
            assert_string_equal(counts[i].name, names[i]);
            assert_int_equal(counts[i].block_size, 8 + i);
        }
        if (room < LENGTH(counts)) {
            assert_int_equal(counts[room].name[0], (char)0xa5);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_unregister(&pools[i]), OS_OK);
    }
    assert_int_equal(registry_copy(NULL, 0), 0);
}

/* A walk per unregister would make these 2 * 10^8 steps, and the test time out under Valgrind. */
static void
many_pools_come_and_go(void **state)
{
    struct os_mempool *pools = calloc(N_LINEAR, sizeof(*pools));

    assert_non_null(pools);
    for (unsigned i = 0; i < N_LINEAR; i++) {
        assert_int_equal(os_mempool_init(&pools[i], 0, 8, NULL, "many"), OS_OK);
    }
    assert_int_equal(registry_count(), N_LINEAR);
    for (unsigned i = N_LINEAR; i > 0; i--) {
        assert_int_equal(os_mempool_unregister(&pools[i - 1]), OS_OK);
    }
    assert_int_equal(registry_count(), 0);
    free(pools);
}

/* A thread that wants a pool which another one stays in. */
struct visitor {
    struct os_mempool *pool;
    os_error_t (*wants)(struct os_mempool *pool);
    os_error_t got;
};

static void *
visit(void *arg)
{
    struct visitor *visitor = arg;

    visitor->got = visitor->wants(visitor->pool);
    return NULL;
}

static os_error_t
enable_caches(struct os_mempool *pool)
{
    return os_mempool_cache_enable(pool, BOX_DEPTH / 2);
}

/* For as long as threads that wait for a pool need to have come to it; hangs if they stop us. */
static void
use_the_registry(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct os_mempool pool;

    for (unsigned i = 0; i < N_MOMENTS; i++) {
        size_t n = registry_count();

        assert_int_equal(os_mempool_init(&pool, 0, 8, NULL, NULL), OS_OK);
        assert_int_equal(registry_count(), n + 1);
        assert_int_equal(os_mempool_unregister(&pool), OS_OK);
        nanosleep(&moment, NULL);
    }
}

static void
who_waits_for_a_pool_stops_no_other(void **state)
{
    os_error_t (*const wanted[])(struct os_mempool *) = {
        os_mempool_min_reset, enable_caches, os_mempool_cache_disable, os_mempool_unregister};
    struct os_mempool pool;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 64)];

    assert_int_equal(os_mempool_init(&pool, 4, 64, buffer, NULL), OS_OK);
    for (unsigned i = 0; i < LENGTH(wanted); i++) {
        struct visitor visitor = {&pool, wanted[i], OS_ERROR};
        struct holder holder;
        pthread_t thread;

        hold(&holder, &pool);
        assert_int_equal(pthread_create(&thread, NULL, visit, &visitor), 0);
        use_the_registry();
        let_go(&holder);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(visitor.got, OS_OK);
    }
    assert_int_equal(os_mempool_unregister(&pool), OS_INVALID_PARM);
}

/* The box's guest ends, and must give up what it has in the pool. */
static void
a_thread_that_ends_waits_for_a_pool_and_stops_no_other(void **state)
{
    const enum box_kind kinds[] = {BOX_OWNED_ELSEWHERE, BOX_CACHED_ELSEWHERE};

    for (unsigned i = 0; i < LENGTH(kinds); i++) {
        struct box *box = box_make(kinds[i]);
        struct holder holder;

        hold(&holder, box->pool);
        sem_post(&box->guest_may_go);
        use_the_registry();
        let_go(&holder);
        box_end(box);
    }
}

/* The struct of the second of three is used for something else. */
static void
the_list_ends_where_a_pool_was_overwritten(void **state)
{
    struct os_mempool pools[3], before;
    struct pool_counts counts[5];

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_init(&pools[i], 0, 8, NULL, NULL), OS_OK);
    }
    registry_enter();
    assert_null(registry_overwritten(NULL));
    assert_null(registry_overwritten(&pools[0]));
    assert_null(registry_overwritten(&pools[2]));
    registry_leave();
    before = pools[1];
    for (int byte = 0; byte < 0x200; byte += 0xff) {
        memset(&pools[1], byte, sizeof(pools[1]));
        registry_enter();
        assert_ptr_equal(registry_first(), &pools[0]);
        assert_null(registry_next(&pools[0]));
        assert_null(registry_next(&pools[1]));
        assert_ptr_equal(registry_overwritten(&pools[0]), &pools[1]);
        assert_ptr_equal(registry_overwritten(&pools[1]), &pools[1]);
        registry_leave();
        /* As many as there is room for, or as can be had. */
        assert_int_equal(registry_copy(counts, 1), 3);
        assert_int_equal(registry_copy(counts, 5), 1);
    }
    pools[1] = before;
    assert_int_equal(registry_copy(counts, 5), 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_unregister(&pools[i]), OS_OK);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_and_tree_agree_after_random_births_and_deaths),
        cmocka_unit_test(a_copy_is_in_order_and_as_long_as_there_is_room),
        cmocka_unit_test(many_pools_come_and_go),
        cmocka_unit_test(who_waits_for_a_pool_stops_no_other),
        cmocka_unit_test(a_thread_that_ends_waits_for_a_pool_and_stops_no_other),
        cmocka_unit_test(the_list_ends_where_a_pool_was_overwritten),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
