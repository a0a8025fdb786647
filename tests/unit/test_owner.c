/* SPDX-License-Identifier: Apache-2.0 */
/* test_owner.c: when a thread becomes the owner of a pool, and when it stops being one. */
#include <pthread.h>

#include "common/box.h"
#include "layout/tail.h"
#include "pool/owner.h"
#include "pool/pool.h"

enum { RUN = 256, MOST = 50000, PAID = 500 };

static const struct osmp_thread *
owner_of(const struct box *box)
{
    return __atomic_load_n(&box->pool->osmp_owner, __ATOMIC_RELAXED);
}

static uint32_t
run_needed(const struct box *box)
{
    return pool_tail(box->pool)->run_needed;
}

static int
setup(void **state)
{
    *state = box_make(BOX_PLAIN);
    return 0;
}

static int
teardown(void **state)
{
    box_end(*state);
    return 0;
}

/* Operations of the calling thread until it owns the pool; none if that takes 200,000. */
static unsigned
ops_until_owned(struct box *box)
{
    void *block = NULL;

    for (unsigned n = 0; n <= 4 * MOST; n++) {
        if (owner_of(box) != NULL) {
            if (block != NULL) {
                os_memblock_put(box->pool, block);
            }
            return n;
        }
        if (block == NULL) {
            block = os_memblock_get(box->pool);
        } else {
            os_memblock_put(box->pool, block);
            block = NULL;
        }
    }
    return 0;
}

static void
ownership_comes_after_256_operations(void **state)
{
    struct box *box = *state;

    assert_int_equal(ops_until_owned(box), RUN);
    assert_true(owner_is_me(owner_of(box)));
}

static void *
get_and_put_once(void *pool)
{
    use_alone(pool, 1);
    return NULL;
}

static void
another_thread_interrupts_the_run(void **state)
{
    struct box *box = *state;

    use_alone(box->pool, RUN / 2 - 1);
    run_elsewhere(get_and_put_once, box->pool);
    assert_null(owner_of(box));
    assert_int_equal(ops_until_owned(box), RUN);
}

static void
each_tenure_that_did_not_pay_doubles_the_run(void **state)
{
    struct box *box = *state;

    for (uint32_t run = RUN; run < 8 * MOST; run *= 2) {
        assert_int_equal(ops_until_owned(box), run < MOST ? run : MOST);
        run_elsewhere(get_and_put_once, box->pool);
        assert_null(owner_of(box));
    }
    assert_int_equal(run_needed(box), MOST);
}

static void
each_tenure_that_paid_halves_the_run(void **state)
{
    struct box *box = *state;
    uint32_t run;

    pool_tail(box->pool)->run_needed = MOST;
    for (run = MOST; run > RUN / 2; run /= 2) {
        assert_int_equal(ops_until_owned(box), run > RUN ? run : RUN);
        use_alone(box->pool, PAID + 1);
        run_elsewhere(get_and_put_once, box->pool);
        assert_null(owner_of(box));
    }
    assert_int_equal(run_needed(box), RUN);
}

static void
the_rule_has_its_bounds(void **state)
{
    assert_int_equal(owner_next_run(RUN, true), RUN);
    assert_int_equal(owner_next_run(RUN, false), 2 * RUN);
    assert_int_equal(owner_next_run(MOST, false), MOST);
    assert_int_equal(owner_next_run(MOST, true), MOST / 2);
    assert_int_equal(owner_next_run(MOST - 1, false), MOST);
}

static void *
visit(void *arg)
{
    struct box *box = arg;
    struct os_mempool_stats st;
    bool fine = os_mempool_is_sane(box->pool) && os_mempool_min_reset(box->pool) == OS_OK &&
                os_mempool_clear(box->pool) == OS_OK &&
                os_mempool_stats_get(box->pool, &st, sizeof(st)) == OS_OK;

    return fine ? NULL : box;
}

/* What only looks at a pool gives the ownership back, and costs nothing. */
static void
visits_leave_the_owner(void **state)
{
    struct box *box = *state;
    const struct osmp_thread *owner;

    use_alone(box->pool, RUN);
    owner = owner_of(box);
    assert_non_null(owner);
    for (unsigned i = 0; i < 100; i++) {
        run_elsewhere(visit, box);
        assert_null(visit(box));
        assert_ptr_equal(owner_of(box), owner);
    }
    assert_int_equal(run_needed(box), RUN);
}

static bool
child_starts_shared(void *arg)
{
    struct box *box = arg;

    return owner_of(box) == NULL && use_alone(box->pool, BOX_WARM) == 0 && owner_of(box) != NULL &&
           take_all(box->pool) == BOX_BLOCKS;
}

static void
a_fork_leaves_the_owner_and_the_child_none(void **state)
{
    struct box *box = *state;
    const struct osmp_thread *owner;

    use_alone(box->pool, RUN);
    owner = owner_of(box);
    assert_true(true_in_child(child_starts_shared, box));
    assert_ptr_equal(owner_of(box), owner);
    assert_int_equal(run_needed(box), RUN);
}

/* A fork handler of another library, which runs while all pools are frozen. */
static struct os_mempool *handlers_pool;

static void
enable_caches(void)
{
    if (handlers_pool != NULL) {
        os_mempool_cache_enable(handlers_pool, BOX_DEPTH);
    }
}

/* Registered before the library's own, so the parent's handler runs before the thaw. */
__attribute__((constructor(101))) static void
register_handler(void)
{
    pthread_atfork(NULL, enable_caches, NULL);
}

static bool
child_is_there(void *arg)
{
    return true;
}

static pthread_barrier_t together;

/* Has its record first, as ThreadSanitizer would take the order of locks in a fork for wrong. */
static void *
own_until_told(void *pool)
{
    thread_get();
    use_alone(pool, BOX_WARM);
    pthread_barrier_wait(&together);
    pthread_barrier_wait(&together);
    return NULL;
}

static void
a_pool_that_is_cached_while_frozen_has_no_owner_after_it(void **state)
{
    struct box *box = *state;
    const struct osmp_thread *owner;
    pthread_t thread;

    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    assert_int_equal(pthread_create(&thread, NULL, own_until_told, box->pool), 0);
    pthread_barrier_wait(&together);
    owner = owner_of(box);
    handlers_pool = box->pool;
    assert_true(true_in_child(child_is_there, NULL));
    handlers_pool = NULL;
    assert_true(owner != NULL || !owner_is_allowed());
    assert_null(owner_of(box));
    assert_true(owner == NULL || ((const struct thread *)owner)->holds == 0);
    pthread_barrier_wait(&together);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_barrier_destroy(&together);
}

static void
a_thread_that_ends_gives_its_pools_up(void **state)
{
    struct box *box = *state;

    for (unsigned i = 0; i < 100; i++) {
        use_elsewhere(box->pool);
        assert_null(owner_of(box));
    }
    assert_int_equal(run_needed(box), RUN);
}

static void
some_pools_are_never_owned(void **state)
{
    const enum box_kind kinds[] = {BOX_EXTENDED, BOX_EXTENDED_CACHED, BOX_ONE_WORD,
                                   BOX_UNREGISTERED};

    for (unsigned i = 0; i < LENGTH(kinds); i++) {
        struct box *box = box_make(kinds[i]);

        use_alone(box->pool, BOX_WARM);
        assert_null(owner_of(box));
        box_end(box);
    }
}

static void
an_extended_pool_that_becomes_plain_is_owned_as_any_other(void **state)
{
    struct box *box = box_make(BOX_EXTENDED);

    use_alone(box->pool, BOX_WARM);
    assert_int_equal(os_mempool_ext_clear(&box->ext), OS_OK);
    box->kind = BOX_PLAIN;
    assert_int_equal(ops_until_owned(box), RUN);
    assert_true(owner_is_me(owner_of(box)));
    box_end(box);
}

static void
nothing_else_becomes_ownable_by_that(void **state)
{
    struct box *box = box_make(BOX_EXTENDED);
    struct os_mempool_ext ext;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(2, OS_ALIGNMENT)];

    assert_int_equal(os_mempool_unregister(box->pool), OS_OK);
    assert_int_equal(os_mempool_ext_clear(&box->ext), OS_OK);
    box->kind = BOX_UNREGISTERED;
    use_alone(box->pool, BOX_WARM);
    assert_null(owner_of(box));
    box_end(box);

    assert_int_equal(os_mempool_ext_init(&ext, 2, OS_ALIGNMENT, buffer, "one word"), OS_OK);
    assert_int_equal(os_mempool_ext_clear(&ext), OS_OK);
    use_alone(&ext.mpe_mp, BOX_WARM);
    assert_null(ext.mpe_mp.osmp_owner);
    assert_int_equal(os_mempool_unregister(&ext.mpe_mp), OS_OK);
}

static void
unregistering_ends_ownership_at_once(void **state)
{
    struct box *box = box_make(BOX_OWNED);

    assert_int_equal(os_mempool_unregister(box->pool), OS_OK);
    box->kind = BOX_UNREGISTERED;
    assert_null(owner_of(box));
    use_alone(box->pool, BOX_WARM);
    assert_null(owner_of(box));
    box_end(box);
}

/* A thread that owns many pools has one record for all, and is counted in it once for each. */
static void
one_thread_may_own_many_pools(void **state)
{
    enum { POOLS = 50 };
    struct box *boxes[POOLS];
    struct thread *me = thread_get();

    for (unsigned i = 0; i < POOLS; i++) {
        boxes[i] = box_make(BOX_OWNED);
        assert_ptr_equal(owner_of(boxes[i]), &me->hot);
        assert_int_equal(me->holds, i + 1);
    }
    for (unsigned i = 0; i < POOLS; i++) {
        box_end(boxes[i]);
    }
    assert_int_equal(me->holds, 0);
    assert_null(me->hot.busy);
}

#define SHARED_POOL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_has_its_bounds),
        cmocka_unit_test(some_pools_are_never_owned),
        cmocka_unit_test(unregistering_ends_ownership_at_once),
        cmocka_unit_test(nothing_else_becomes_ownable_by_that),
        /* Where ownership is to be had. */
        SHARED_POOL(ownership_comes_after_256_operations),
        SHARED_POOL(another_thread_interrupts_the_run),
        SHARED_POOL(each_tenure_that_did_not_pay_doubles_the_run),
        SHARED_POOL(each_tenure_that_paid_halves_the_run),
        SHARED_POOL(visits_leave_the_owner),
        SHARED_POOL(a_fork_leaves_the_owner_and_the_child_none),
        SHARED_POOL(a_pool_that_is_cached_while_frozen_has_no_owner_after_it),
        SHARED_POOL(a_thread_that_ends_gives_its_pools_up),
        cmocka_unit_test(one_thread_may_own_many_pools),
        cmocka_unit_test(an_extended_pool_that_becomes_plain_is_owned_as_any_other),
    };

    return check_run("owner", tests, 4, owner_is_allowed());
}
