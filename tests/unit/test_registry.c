/* SPDX-License-Identifier: Apache-2.0 */
/* test_registry.c: list and tree of the registered pools against an oracle. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "check/watch.h"
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
    memmove(&oracle->order[i], &oracle->order[i + 1], (--oracle->n - i) * sizeof(*oracle->order));
    assert_int_equal(os_mempool_unregister(mp), OS_OK);
}

/* A registered pool that is initialised again goes to the end. */
static void
oracle_renew(struct oracle *oracle, unsigned i)
{
    struct os_mempool *mp = oracle->order[i];

    memmove(&oracle->order[i], &oracle->order[i + 1], (oracle->n - 1 - i) * sizeof(*oracle->order));
    oracle->order[oracle->n - 1] = mp;
    assert_int_equal(os_mempool_init(mp, 0, 8, NULL, NULL), OS_OK);
}

static void
oracle_step(struct oracle *oracle, uint64_t *random)
{
    if (oracle->n > 0 && random_next(random) % 4 == 0) {
        oracle_renew(oracle, random_next(random) % oracle->n);
    } else if (random_next(random) % 1000 == 0) {
        os_mempool_module_init();
        oracle->n = 0;
    } else {
        oracle_toggle(oracle, &oracle->pools[random_next(random) % N_POOLS]);
    }
}

static void
oracle_compare(const struct oracle *oracle)
{
    struct node *node;

    assert_int_equal(registry_count(), oracle->n);
    registry_enter();
    node = registry_first();
    for (unsigned i = 0; i < oracle->n; i++, node = registry_next(node)) {
        assert_ptr_equal(node->mp, oracle->order[i]);
        assert_null(node->mp->mp_list.stqe_next);
    }
    assert_null(node);
    for (unsigned i = 0; i < N_POOLS; i++) {
        bool registered = oracle_find(oracle, &oracle->pools[i]) < oracle->n;

        assert_int_equal(registry_find(&oracle->pools[i]) != NULL, registered);
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
        oracle_step(oracle, &random);
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
    struct registry_row rows[4];
    struct os_mempool pools[3];
    const char *const names[] = {"a", "b", "c"};

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_init(&pools[i], 0, 8 + i, NULL, names[i]), OS_OK);
    }
    for (size_t room = 0; room <= LENGTH(rows); room++) {
        memset(rows, 0xa5, sizeof(rows));
        assert_int_equal(registry_copy(rows, room), 3);
        for (unsigned i = 0; i < 3 && i < room; i++) {
            assert_string_equal(rows[i].counts.name, names[i]);
            assert_int_equal(rows[i].counts.block_size, 8 + i);
        }
        if (room < LENGTH(rows)) {
            assert_int_equal(rows[room].counts.name[0], (char)0xa5);
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
a_pool_that_was_overwritten_is_passed_over(void **state)
{
    struct os_mempool pools[3], before;
    struct registry_row rows[5];

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_init(&pools[i], 0, 8, NULL, NULL), OS_OK);
    }
    before = pools[1];
    for (int byte = 0; byte < 0x200; byte += 0xff) {
        struct node *second;

        memset(&pools[1], byte, sizeof(pools[1]));
        registry_enter();
        second = registry_find(&pools[1]);
        assert_ptr_equal(registry_first()->mp, &pools[0]);
        assert_ptr_equal(registry_first()->next, second);
        assert_false(registry_is_intact(second));
        assert_null(registry_find_intact(&pools[1]));
        assert_ptr_equal(registry_next(registry_first())->mp, &pools[2]);
        assert_ptr_equal(registry_next(second)->mp, &pools[2]);
        registry_leave();
        assert_int_equal(registry_copy(rows, 1), 2);
        assert_int_equal(registry_copy(rows, 5), 2);
    }
    pools[1] = before;
    assert_int_equal(registry_copy(rows, 5), 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_unregister(&pools[i]), OS_OK);
    }
}

/* What the registry knows of other pools does not lie in the struct of any. */
static void
a_struct_that_is_gone_spoils_no_other_pool(void **state)
{
    struct os_mempool before, after, *gone;

    for (int drops = 0; drops < 2; drops++) {
        gone =
            mmap(NULL, sizeof(*gone), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(gone != MAP_FAILED);
        assert_int_equal(os_mempool_init(&before, 0, 8, NULL, NULL), OS_OK);
        assert_int_equal(os_mempool_init(gone, 0, 8, NULL, NULL), OS_OK);
        munmap(gone, sizeof(*gone));
        assert_int_equal(os_mempool_init(&after, 0, 8, NULL, NULL), OS_OK);
        assert_int_equal(os_mempool_init(&before, 0, 8, NULL, NULL), OS_OK);
        assert_int_equal(os_mempool_unregister(&after), OS_OK);
        if (drops == 0) {
            assert_int_equal(os_mempool_unregister(&before), OS_OK);
        }
        os_mempool_module_init();
        assert_int_equal(registry_count(), 0);
        assert_int_equal(os_mempool_unregister(gone), OS_INVALID_PARM);
        assert_int_equal(os_mempool_unregister(&before), OS_INVALID_PARM);
    }
}

static void
drops_and_inits_of_registered_pools_are_counted(void **state)
{
    const struct registry_totals before = registry_totals();
    struct registry_totals after;
    struct os_mempool pools[2];

    for (int i = 0; i < 5; i++) {
        assert_int_equal(os_mempool_init(&pools[i % 2], 0, 8, NULL, NULL), OS_OK);
    }
    os_mempool_module_init();
    os_mempool_module_init();
    assert_int_equal(os_mempool_init(&pools[0], 0, 8, NULL, NULL), OS_OK);
    assert_int_equal(os_mempool_unregister(&pools[0]), OS_OK);
    after = registry_totals();
    assert_int_equal(after.reinits - before.reinits, 3);
    assert_int_equal(after.dropped - before.dropped, 2);
}

/* Node after node is one registration: nothing else tells it from the one before. */
static void
no_id_is_given_twice(void **state)
{
    struct os_mempool pool;
    uint64_t last = 0;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_init(&pool, 0, 8, NULL, NULL), OS_OK);
        registry_enter();
        assert_true(registry_find(&pool)->identity.id > last);
        last = registry_find(&pool)->identity.id;
        registry_leave();
    }
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

/* A row of the only pool. */
static struct identity
identity_of_the_only_one(void)
{
    struct registry_row row;

    assert_int_equal(registry_copy(&row, 1), 1);
    return row.identity;
}

static void
a_row_tells_when_and_where_it_was_registered(void **state)
{
    uint64_t before = clock_exact_us();
    struct identity first, second;
    struct os_mempool pool;

    assert_int_equal(os_mempool_init(&pool, 0, 8, NULL, NULL), OS_OK);
    first = identity_of_the_only_one();
    assert_in_range(first.registered_us, before, clock_exact_us());
    assert_int_equal(os_mempool_init(&pool, 0, 8, NULL, NULL), OS_OK);
    second = identity_of_the_only_one();
    assert_in_range(second.registered_us, first.registered_us, clock_exact_us());
    assert_true(second.id > first.id);
    assert_true(first.registered_by != 0);
    assert_true(second.registered_by != first.registered_by);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

/* Nodes of the tests before are used again first, so there are more pools than these had. */
static void
without_memory_for_a_node_init_changes_nothing(void **state)
{
    const struct rlimit none = {0, 0};
    struct os_mempool_info info;
    struct os_mempool *pools = calloc(2 * N_LINEAR, sizeof(*pools));
    os_error_t error = OS_OK;
    unsigned n = 0;
    pid_t child;
    int status;

    assert_non_null(pools);
    /* Tools need memory for themselves. */
    if (watch_kind() != WATCH_NONE) {
        free(pools);
        return;
    }
    child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_AS, &none);
        while (n < 2 * N_LINEAR && (error = os_mempool_init(&pools[n], 0, 8, NULL, "a")) == OS_OK) {
            n++;
        }
        /* One that is registered has its node, and one that goes leaves it to the next. */
        _exit(error == OS_ENOMEM && n > 0 && pools[n].osmp_secret == 0 &&
                      os_mempool_get("b", &info) == NULL &&
                      os_mempool_init(&pools[0], 0, 8, NULL, "b") == OS_OK &&
                      os_mempool_unregister(&pools[0]) == OS_OK &&
                      os_mempool_init(&pools[n], 0, 8, NULL, "c") == OS_OK && registry_count() == n
                  ? 0
                  : 1);
    }
    free(pools);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
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
        cmocka_unit_test(a_pool_that_was_overwritten_is_passed_over),
        cmocka_unit_test(a_struct_that_is_gone_spoils_no_other_pool),
        cmocka_unit_test(drops_and_inits_of_registered_pools_are_counted),
        cmocka_unit_test(no_id_is_given_twice),
        cmocka_unit_test(a_row_tells_when_and_where_it_was_registered),
        cmocka_unit_test(without_memory_for_a_node_init_changes_nothing),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
