/* SPDX-License-Identifier: Apache-2.0 */
/* test_faults.c: what a fault handler is told, for each kind of fault. */
#include <errno.h>
#include <string.h>

#include "common/box.h"
#include "common/fixture.h"

/* What the handler was called with last, and how often. */
static struct osmempool_fault seen;
static unsigned n_seen;
static void *seen_arg;

static void
remember(const struct osmempool_fault *fault, void *arg)
{
    seen = *fault;
    seen_arg = arg;
    n_seen++;
}

static int
watch_begin_test(void **state)
{
    n_seen = 0;
    memset(&seen, 0, sizeof(seen));
    osmempool_set_fault_handler(remember, &n_seen);
    return fixture_plain(state);
}

static int
watch_begin_extended(void **state)
{
    n_seen = 0;
    osmempool_set_fault_handler(remember, &n_seen);
    return fixture_extended(state);
}

static int
watch_end_test(void **state)
{
    osmempool_set_fault_handler(NULL, NULL);
    return fixture_end(state);
}

/* One more fault than before, of this kind and about this address. */
static void
expect_fault(unsigned n, enum osmempool_fault_kind kind, const struct os_mempool *mp,
             const void *block, uint32_t index, size_t offset)
{
    assert_int_equal(n_seen, n);
    assert_ptr_equal(seen_arg, &n_seen);
    assert_int_equal(seen.size, sizeof(seen));
    assert_int_equal(seen.kind, kind);
    assert_ptr_equal(seen.pool, mp);
    assert_ptr_equal(seen.block, block);
    assert_int_equal(seen.index, index);
    assert_int_equal(seen.offset, offset);
    assert_non_null(seen.caller);
    assert_int_not_equal(seen.thread, 0);
    assert_string_equal(seen.pool_name, mp != NULL ? "fixture" : "");
}

static void
expect_refused(struct fixture *fx, void *block)
{
    assert_int_equal(os_memblock_put(fx->pool, block), OS_INVALID_PARM);
}

static void
each_refused_put_is_a_fault_of_its_kind(void **state)
{
    struct fixture *fx = *state;
    char *block = os_memblock_get(fx->pool);

    expect_refused(fx, NULL);
    expect_fault(1, OSMEMPOOL_FAULT_NULL, fx->pool, NULL, UINT32_MAX, 0);
    expect_refused(fx, &fx);
    expect_fault(2, OSMEMPOOL_FAULT_FOREIGN, fx->pool, &fx, UINT32_MAX, 0);
    assert_null(seen.true_pool);
    expect_refused(fx, block + 3);
    expect_fault(3, OSMEMPOOL_FAULT_MISALIGNED, fx->pool, block + 3, 0, 3);
    expect_refused(fx, fixture_block(fx, FIXTURE_BLOCKS));
    expect_fault(4, OSMEMPOOL_FAULT_FOREIGN, fx->pool, fixture_block(fx, FIXTURE_BLOCKS),
                 UINT32_MAX, 0);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    expect_refused(fx, block);
    expect_fault(5, OSMEMPOOL_FAULT_DOUBLE_PUT, fx->pool, block, 0, 0);
    assert_int_equal(os_memblock_put_from_cb(fx->pool, fixture_block(fx, 4)), OS_INVALID_PARM);
    expect_fault(6, OSMEMPOOL_FAULT_DOUBLE_PUT, fx->pool, fixture_block(fx, 4), 4, 0);
    assert_int_equal(stats_of(fx->pool).faults, 6);
    assert_int_equal(stats_of(fx->pool).refused, 6);
}

static void
a_put_to_no_pool_is_a_fault_of_none(void **state)
{
    assert_int_equal(os_memblock_put(NULL, state), OS_INVALID_PARM);
    expect_fault(1, OSMEMPOOL_FAULT_NULL, NULL, state, UINT32_MAX, 0);
    assert_int_equal(os_memblock_put_from_cb(NULL, state), OS_INVALID_PARM);
    expect_fault(2, OSMEMPOOL_FAULT_NULL, NULL, state, UINT32_MAX, 0);
    assert_int_equal(os_memblock_put_bulk(NULL, state, 1), OS_INVALID_PARM);
    expect_fault(3, OSMEMPOOL_FAULT_NULL, NULL, NULL, UINT32_MAX, 0);
}

static void
the_pool_that_a_block_belongs_to_is_named(void **state)
{
    struct fixture *fx = *state;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(5, 24)];
    struct os_mempool other;
    void *first;
    char *block;

    assert_int_equal(os_mempool_init(&other, 5, 24, buffer, "the other"), OS_OK);
    first = os_memblock_get(&other);
    block = os_memblock_get(&other);
    expect_refused(fx, block);
    expect_fault(1, OSMEMPOOL_FAULT_FOREIGN, fx->pool, block, UINT32_MAX, 0);
    assert_ptr_equal(seen.true_pool, &other);
    assert_string_equal(seen.true_pool_name, "the other");
    assert_int_equal(seen.true_index, 1);
    assert_int_equal(seen.true_offset, 0);
    expect_refused(fx, block + 7);
    assert_int_equal(seen.true_index, 1);
    assert_int_equal(seen.true_offset, 7);
    /* Memcheck would call them lost. */
    assert_int_equal(os_memblock_put(&other, block), OS_OK);
    assert_int_equal(os_memblock_put(&other, first), OS_OK);
    assert_int_equal(os_mempool_unregister(&other), OS_OK);
    expect_refused(fx, block);
    assert_null(seen.true_pool);
}

static void
a_bulk_put_names_the_block_that_is_to_blame(void **state)
{
    struct fixture *fx = *state;
    void *blocks[4];

    assert_int_equal(os_memblock_get_bulk(fx->pool, blocks, 3), OS_OK);
    blocks[3] = blocks[1];
    assert_int_equal(os_memblock_put_bulk(fx->pool, blocks, 4), OS_INVALID_PARM);
    assert_int_equal(n_seen, 1);
    /* Four are more than are out; a checked pool also knows which one is there twice. */
    assert_int_equal(seen.kind,
                     free_blocks_are_hidden() ? OSMEMPOOL_FAULT_TWICE : OSMEMPOOL_FAULT_TOO_MANY);
    assert_non_null(os_memblock_get(fx->pool));
    assert_int_equal(os_memblock_put_bulk(fx->pool, blocks, 4), OS_INVALID_PARM);
    expect_fault(2, OSMEMPOOL_FAULT_TWICE, fx->pool, blocks[1], 1, 0);
    blocks[3] = (char *)blocks[2] + OS_ALIGNMENT;
    assert_int_equal(os_memblock_put_bulk(fx->pool, blocks, 4), OS_INVALID_PARM);
    expect_fault(3, OSMEMPOOL_FAULT_MISALIGNED, fx->pool, blocks[3], 2, OS_ALIGNMENT);
    assert_int_equal(os_memblock_put_bulk(fx->pool, NULL, 4), OS_INVALID_PARM);
    expect_fault(4, OSMEMPOOL_FAULT_NULL, fx->pool, NULL, UINT32_MAX, 0);
    assert_int_equal(os_memblock_put_bulk(fx->pool, blocks, UINT32_MAX), OS_INVALID_PARM);
    expect_fault(5, OSMEMPOOL_FAULT_TOO_MANY, fx->pool, NULL, UINT32_MAX, 0);
    assert_int_equal(seen.n_blocks, UINT32_MAX);
    assert_int_equal(stats_of(fx->pool).refused, 5);
    assert_int_equal(os_memblock_put_bulk(fx->pool, blocks, 3), OS_OK);
    assert_int_equal(os_memblock_put(fx->pool, fixture_block(fx, 3)), OS_OK);
}

static os_error_t
put_again(struct os_mempool_ext *ome, void *data, void *arg)
{
    os_error_t error = os_memblock_put(&ome->mpe_mp, data);

    os_memblock_put_from_cb(&ome->mpe_mp, data);
    return error;
}

static void
a_put_of_the_block_whose_callback_runs_is_a_fault(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    fx->ext.mpe_put_cb = put_again;
    assert_int_equal(os_memblock_put(fx->pool, block), OS_INVALID_PARM);
    expect_fault(1, OSMEMPOOL_FAULT_IN_CALLBACK, fx->pool, block, 0, 0);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_INVALID_PARM);
    expect_fault(2, OSMEMPOOL_FAULT_DOUBLE_PUT, fx->pool, block, 0, 0);
    fx->ext.mpe_put_cb = NULL;
}

/* A free block's link is overwritten: found by a get, alone and in bulk, and repaired. */
static void
damage_that_a_get_finds_is_a_fault(void **state)
{
    struct fixture *fx = *state;
    uintptr_t nowhere = 3;
    void *blocks[FIXTURE_BLOCKS];

    if (free_blocks_are_hidden()) {
        return;
    }
    memcpy(fixture_block(fx, 1), &nowhere, sizeof(nowhere));
    assert_int_equal(os_memblock_get_bulk(fx->pool, blocks, FIXTURE_BLOCKS), OS_OK);
    expect_fault(1, OSMEMPOOL_FAULT_DAMAGED_LIST, fx->pool, fixture_block(fx, 1), 1, 0);
    assert_int_equal(seen.n_blocks, 0);
    assert_int_equal(os_memblock_put_bulk(fx->pool, blocks, FIXTURE_BLOCKS), OS_OK);
    memset(fx->pool->slh_first, 0x99, FIXTURE_SIZE);
    blocks[0] = fx->pool->slh_first;
    assert_non_null(os_memblock_get(fx->pool));
    assert_int_equal(n_seen, 2);
    assert_int_equal(seen.kind, OSMEMPOOL_FAULT_DAMAGED_LIST);
    assert_ptr_equal(seen.block, blocks[0]);
    assert_int_equal(seen.n_blocks, 1);
    assert_int_equal(seen.n_bytes, sizeof(nowhere));
    assert_memory_equal(seen.found, "\x99\x99\x99\x99", 4);
    assert_int_equal(stats_of(fx->pool).faults, 2);
    assert_int_equal(stats_of(fx->pool).num_free, FIXTURE_BLOCKS - 2);
    assert_int_equal(stats_of(fx->pool).adjust, 1);
    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
}

/* Makes the same fault again, uses the pool and the registry, and asks for another handler. */
static void
call_all(const struct osmempool_fault *fault, void *arg)
{
    void *block = os_memblock_get(fault->pool);

    n_seen++;
    os_memblock_put(fault->pool, fault->block);
    os_memblock_put(fault->pool, block);
    os_mempool_is_sane(fault->pool);
    os_mempool_get("fixture", NULL);
    osmempool_set_fault_handler(remember, &n_seen);
}

static void
a_handler_may_call_anything_and_is_not_called_for_its_own_faults(void **state)
{
    struct fixture *fx = *state;

    osmempool_set_fault_handler(call_all, NULL);
    expect_refused(fx, &fx);
    assert_int_equal(n_seen, 1);
    assert_int_equal(stats_of(fx->pool).faults, 2);
    expect_refused(fx, &fx);
    expect_fault(2, OSMEMPOOL_FAULT_FOREIGN, fx->pool, &fx, UINT32_MAX, 0);
}

static void
without_a_handler_faults_are_counted(void **state)
{
    struct fixture *fx = *state;

    osmempool_set_fault_handler(NULL, NULL);
    expect_refused(fx, &fx);
    assert_int_equal(n_seen, 0);
    assert_int_equal(stats_of(fx->pool).faults, 1);
}

/* The handler and its argument are always those of one call. */
static void
expect_pair(const struct osmempool_fault *fault, void *arg)
{
    n_seen += arg != (void *)(uintptr_t)expect_pair;
}

static void
expect_other_pair(const struct osmempool_fault *fault, void *arg)
{
    n_seen += arg != (void *)(uintptr_t)expect_other_pair;
}

enum { CHANGES = 20000 };

static void *
change_handlers(void *arg)
{
    for (int i = 0; i < CHANGES; i++) {
        osmempool_set_fault_handler(expect_pair, (void *)(uintptr_t)expect_pair);
        osmempool_set_fault_handler(expect_other_pair, (void *)(uintptr_t)expect_other_pair);
    }
    return NULL;
}

static void
a_handler_is_called_with_its_own_argument(void **state)
{
    struct fixture *fx = *state;
    pthread_t threads[2];

    osmempool_set_fault_handler(NULL, NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, change_handlers, NULL), 0);
    }
    for (int i = 0; i < CHANGES; i++) {
        expect_refused(fx, &fx);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(n_seen, 0);
}

static void
fail_with_eio(const struct osmempool_fault *fault, void *arg)
{
    errno = EIO;
}

/* get and put are no system calls to their callers. */
static void
a_refused_put_leaves_errno_whatever_the_handler_does(void **state)
{
    struct fixture *fx = *state;

    osmempool_set_fault_handler(fail_with_eio, NULL);
    errno = EXDEV;
    assert_int_equal(os_memblock_put(fx->pool, NULL), OS_INVALID_PARM);
    assert_int_equal(errno, EXDEV);
}

/* In every state of a pool. */
static void
every_refused_put_is_one_fault(struct box *box)
{
    void *block = os_memblock_get(box->pool);
    os_membuf_t stranger[8];

    n_seen = 0;
    osmempool_set_fault_handler(remember, &n_seen);
    assert_int_equal(os_memblock_put(box->pool, stranger), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put(box->pool, (char *)block + 1), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put(box->pool, block), OS_OK);
    assert_int_equal(os_memblock_put(box->pool, block), OS_INVALID_PARM);
    osmempool_set_fault_handler(NULL, NULL);
    assert_int_equal(n_seen, 3);
    assert_int_equal(seen.kind, OSMEMPOOL_FAULT_DOUBLE_PUT);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, watch_begin_test, watch_end_test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(each_refused_put_is_a_fault_of_its_kind),
        PLAIN(a_put_to_no_pool_is_a_fault_of_none),
        PLAIN(the_pool_that_a_block_belongs_to_is_named),
        PLAIN(a_bulk_put_names_the_block_that_is_to_blame),
        cmocka_unit_test_setup_teardown(a_put_of_the_block_whose_callback_runs_is_a_fault,
                                        watch_begin_extended, watch_end_test),
        PLAIN(damage_that_a_get_finds_is_a_fault),
        PLAIN(a_handler_may_call_anything_and_is_not_called_for_its_own_faults),
        PLAIN(without_a_handler_faults_are_counted),
        PLAIN(a_handler_is_called_with_its_own_argument),
        PLAIN(a_refused_put_leaves_errno_whatever_the_handler_does),
        BOX_EVERY(every_refused_put_is_one_fault),
    };

    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
