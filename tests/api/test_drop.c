/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_drop.c: pools whose struct and buffer go, or are used anew, behind the library's back.
 *
 * Mynewt's code never unregisters: it initialises a pool again where it was, or forgets all of them
 * by os_mempool_module_init(), with blocks in use and the memory perhaps freed.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/box.h"
#include "common/fixture.h"

enum { BLOCKS = 64, SIZE = 64, DEPTH = 16, ROUNDS = 200 };

/* A struct and a buffer on pages of their own, which can go. */
struct tenant {
    struct os_mempool pool;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, SIZE)];
};

static void *
pages_make(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    return pages;
}

static struct tenant *
tenant_make(const char *name)
{
    struct tenant *tenant =
        mmap(NULL, sizeof(*tenant), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(tenant != MAP_FAILED);
    assert_int_equal(os_mempool_init(&tenant->pool, BLOCKS, SIZE, tenant->buffer, name), OS_OK);
    return tenant;
}

static void
tenant_go(struct tenant *tenant)
{
    munmap(tenant, sizeof(*tenant));
}

/* In each state that a thread leaves a pool in, with a block in use. */
static void
tenant_use(struct tenant *tenant, unsigned state)
{
    if (state % 3 == 1) {
        os_mempool_cache_enable(&tenant->pool, DEPTH);
    }
    if (state % 3 != 0) {
        use_alone(&tenant->pool, BOX_WARM);
    }
    assert_non_null(os_memblock_get(&tenant->pool));
}

/* All free, or all but one. What is in caches is on the list for the next call. */
static void
unregister_does_not_touch_the_buffer(void **state)
{
    const size_t bytes = OS_MEMPOOL_BYTES(BLOCKS, SIZE);
    static struct os_mempool pool;

    for (unsigned i = 0; i < 4; i++) {
        void *buffer = pages_make(bytes);
        void *block;

        assert_int_equal(os_mempool_init(&pool, BLOCKS, SIZE, buffer, "pool"), OS_OK);
        if (i >= 2) {
            assert_int_equal(os_mempool_cache_enable(&pool, DEPTH), OS_OK);
        }
        use_alone(&pool, BOX_WARM);
        block = os_memblock_get(&pool);
        if (i % 2 == 0) {
            assert_int_equal(os_memblock_put(&pool, block), OS_OK);
        }
        assert_int_equal(mprotect(buffer, bytes, PROT_NONE), 0);
        assert_int_equal(os_mempool_unregister(&pool), OS_OK);
        assert_int_equal(mprotect(buffer, bytes, PROT_READ | PROT_WRITE), 0);
        assert_true(os_mempool_is_sane(&pool));
        assert_int_equal(take_all(&pool), BLOCKS - i % 2);
        if (i % 2 != 0) {
            assert_int_equal(os_memblock_put(&pool, block), OS_OK);
        }
        pool_expect_whole(&pool);
        munmap(buffer, bytes);
    }
}

/* The same with a buffer that is gone: this is what Mynewt's unregister can. */
static void
a_pool_may_be_unregistered_after_its_buffer_is_gone(void **state)
{
    const size_t bytes = OS_MEMPOOL_BYTES(BLOCKS, SIZE);
    static struct os_mempool pool;

    for (unsigned i = 0; i < 6; i++) {
        void *buffer = pages_make(bytes);

        assert_int_equal(os_mempool_init(&pool, BLOCKS, SIZE, buffer, "pool"), OS_OK);
        if (i % 2 != 0) {
            assert_int_equal(os_mempool_cache_enable(&pool, DEPTH), OS_OK);
        }
        use_alone(&pool, BOX_WARM);
        if (i % 3 == 0) {
            assert_non_null(os_memblock_get(&pool));
        }
        munmap(buffer, bytes);
        assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    }
}

static void
dropped_pools_may_be_gone(void **state)
{
    struct os_mempool_info info;
    struct tenant *tenants[6];
    static struct fixture *fx;

    for (unsigned i = 0; i < LENGTH(tenants); i++) {
        tenants[i] = tenant_make("gone");
        tenant_use(tenants[i], i);
    }
    os_mempool_module_init();
    assert_null(os_mempool_info_get_next(NULL, &info));
    assert_null(os_mempool_get("gone", &info));
    for (unsigned i = 0; i < LENGTH(tenants); i++) {
        tenant_go(tenants[i]);
    }
    os_mempool_module_init();
    assert_int_equal(fixture_plain((void **)&fx), 0);
    assert_true(true_in_child((bool (*)(void *))os_mempool_is_sane, fx->pool));
    assert_int_equal(fixture_end((void **)&fx), 0);
    for (unsigned i = 0; i < LENGTH(tenants); i++) {
        assert_int_equal(os_mempool_unregister(&tenants[i]->pool), OS_INVALID_PARM);
    }
}

/* With more threads than one that use it, and leave. */
static void *
use_in_thread(void *arg)
{
    use_alone(arg, BOX_WARM);
    return NULL;
}

static void
a_dropped_pool_works_on(void **state)
{
    struct tenant *tenants[3];

    for (unsigned i = 0; i < LENGTH(tenants); i++) {
        tenants[i] = tenant_make("dropped");
        tenant_use(tenants[i], i);
    }
    os_mempool_module_init();
    for (unsigned i = 0; i < LENGTH(tenants); i++) {
        struct os_mempool *mp = &tenants[i]->pool;

        assert_int_equal(use_alone(mp, BOX_WARM), 0);
        run_elsewhere(use_in_thread, mp);
        run_elsewhere(use_in_thread, mp);
        assert_int_equal(take_all(mp), BLOCKS - 1);
        assert_true(os_mempool_is_sane(mp));
        assert_int_equal(os_mempool_clear(mp), OS_OK);
        assert_int_equal(take_all(mp), BLOCKS);
        assert_int_equal(os_mempool_min_reset(mp), OS_INVALID_PARM);
        assert_int_equal(os_mempool_cache_enable(mp, DEPTH), OS_INVALID_PARM);
        assert_int_equal(os_mempool_unregister(mp), OS_INVALID_PARM);
        tenant_go(tenants[i]);
    }
}

/* The child has none of the threads that had caches, and all of their blocks. */
static bool
child_has_most_blocks(void *arg)
{
    struct os_mempool *mp = arg;

    return take_all(mp) == BLOCKS - 1 && os_mempool_is_sane(mp) && use_alone(mp, BOX_WARM) == 0 &&
           take_all(mp) == BLOCKS - 1;
}

static void
a_forked_child_has_the_blocks_of_a_dropped_pools_caches(void **state)
{
    for (unsigned i = 0; i < 3; i++) {
        struct tenant *tenant = tenant_make("dropped");

        tenant_use(tenant, i);
        os_mempool_module_init();
        assert_true(true_in_child(child_has_most_blocks, &tenant->pool));
        assert_int_equal(take_all(&tenant->pool), BLOCKS - 1);
        assert_int_equal(os_mempool_unregister(&tenant->pool), OS_INVALID_PARM);
        tenant_go(tenant);
    }
}

/* As start-up code does it that runs again: 16 pools, blocks in use. */
static void
begin_anew(struct tenant **tenants, unsigned n, bool drops)
{
    if (drops) {
        os_mempool_module_init();
    }
    for (unsigned i = 0; i < n; i++) {
        struct tenant *tenant = tenants[i];

        assert_int_equal(os_mempool_init(&tenant->pool, BLOCKS, SIZE, tenant->buffer, "anew"),
                         OS_OK);
        tenant_use(tenant, i);
    }
}

static long
resident_pages(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long all, resident;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &all, &resident), 2);
    fclose(file);
    return resident;
}

static void
pools_made_anew_cost_no_memory(void **state)
{
    const unsigned rounds = getenv("OSMEMPOOL_TEST_SHORT") == NULL ? ROUNDS : ROUNDS / 16;
    struct tenant *tenants[16];
    long before = 0;

    for (unsigned i = 0; i < LENGTH(tenants); i++) {
        tenants[i] = tenant_make("first");
    }
    for (unsigned round = 0; round < rounds; round++) {
        begin_anew(tenants, LENGTH(tenants), round % 2 != 0);
        if (round == 10) {
            before = resident_pages();
        }
    }
    assert_int_equal(pools_registered(), LENGTH(tenants));
    /* Merely forgetting would take 9 pages a round for the caches alone. */
    if (rounds == ROUNDS) {
        assert_true(resident_pages() - before < ROUNDS);
    }
    os_mempool_module_init();
    for (unsigned i = 0; i < LENGTH(tenants); i++) {
        assert_int_equal(os_mempool_unregister(&tenants[i]->pool), OS_INVALID_PARM);
        tenant_go(tenants[i]);
    }
}

/* A put callback that is left over must never be called for the new pool. */
static void
an_extended_pool_is_made_anew_without_its_callback(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    assert_int_equal(
        os_mempool_ext_init(&fx->ext, FIXTURE_BLOCKS, FIXTURE_SIZE, fx->buffer, "anew"), OS_OK);
    assert_null(fx->ext.mpe_put_cb);
    assert_null(fx->ext.mpe_put_arg);
    assert_ptr_equal(os_memblock_get(fx->pool), block);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    assert_int_equal(fx->n_calls, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unregister_does_not_touch_the_buffer),
        cmocka_unit_test(a_pool_may_be_unregistered_after_its_buffer_is_gone),
        cmocka_unit_test(dropped_pools_may_be_gone),
        cmocka_unit_test(a_dropped_pool_works_on),
        cmocka_unit_test(a_forked_child_has_the_blocks_of_a_dropped_pools_caches),
        cmocka_unit_test(pools_made_anew_cost_no_memory),
        cmocka_unit_test_setup_teardown(an_extended_pool_is_made_anew_without_its_callback,
                                        fixture_extended, fixture_end),
    };

    return cmocka_run_group_tests_name("drop", tests, NULL, NULL);
}
