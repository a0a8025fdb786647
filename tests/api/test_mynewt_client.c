/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mynewt_client.c: code as it is written for Mynewt: 16-bit counts, non-const names, the list
 * macros of <sys/queue.h> on the pool, the free list read by its raw links, members read after
 * each call. None of it knows this library's own header.
 */
#include "common/check.h"

#include <sys/queue.h>

#include "os/os_error.h"
#include "os/os_mempool.h"

#define CLIENT_BLOCKS 10
#define CLIENT_SIZE   80

static os_membuf_t client_memory[OS_MEMPOOL_SIZE(CLIENT_BLOCKS, CLIENT_SIZE)];
static struct os_mempool client_pool;
static struct os_mempool_ext client_ext;
static char client_name[] = "client";

static int
client_setup(void **state)
{
    uint16_t blocks = CLIENT_BLOCKS;
    uint32_t block_size = CLIENT_SIZE;

    return os_mempool_init(&client_pool, blocks, block_size, &client_memory[0], client_name);
}

static int
client_setup_ext(void **state)
{
    return os_mempool_ext_init(&client_ext, CLIENT_BLOCKS, CLIENT_SIZE, client_memory, client_name);
}

static int
client_end(void **state)
{
    return os_mempool_unregister(&client_pool);
}

static int
client_end_ext(void **state)
{
    return os_mempool_unregister(&client_ext.mpe_mp);
}

static void
the_free_list_may_be_walked_after_init(void **state)
{
    struct os_memblock *block = SLIST_FIRST(&client_pool);
    uint8_t *expected = (uint8_t *)client_memory;
    uint32_t stride = OS_MEMPOOL_BYTES(1, CLIENT_SIZE);
    uint16_t n = 0;

    assert_ptr_equal(client_pool.slh_first, block);
    if (free_blocks_are_hidden()) {
        return;
    }
    while (block != NULL) {
        assert_ptr_equal(block, expected);
        assert_int_equal(os_memblock_from(&client_pool, block), 1);
        block = SLIST_NEXT(block, mb_next);
        expected += stride;
        n++;
    }
    assert_int_equal(n, client_pool.mp_num_blocks);
}

static void
the_free_list_may_be_walked_by_foreach(void **state)
{
    struct os_memblock *block;
    uint16_t n = 0;

    assert_false(SLIST_EMPTY(&client_pool));
    if (free_blocks_are_hidden()) {
        return;
    }
    SLIST_FOREACH (block, &client_pool, mb_next) {
        n++;
    }
    assert_int_equal(n, client_pool.mp_num_free);
}

static void
the_pool_is_drained_and_filled_again(void **state)
{
    uint8_t *taken[CLIENT_BLOCKS + 1];
    uint8_t *begin = (uint8_t *)client_memory;
    uint8_t *end = begin + sizeof(client_memory);
    uint16_t n = 0;

    while ((taken[n] = os_memblock_get(&client_pool)) != NULL) {
        assert_true(taken[n] >= begin && taken[n] + CLIENT_SIZE <= end);
        n++;
        assert_int_equal(client_pool.mp_num_free, CLIENT_BLOCKS - n);
        assert_int_equal(client_pool.mp_min_free, CLIENT_BLOCKS - n);
        assert_true(n <= CLIENT_BLOCKS);
    }
    assert_int_equal(n, CLIENT_BLOCKS);
    assert_true(SLIST_EMPTY(&client_pool));
    while (n > 0) {
        assert_int_equal(os_memblock_put(&client_pool, taken[--n]), 0);
        assert_int_equal(client_pool.mp_num_free, CLIENT_BLOCKS - n);
        assert_ptr_equal(SLIST_FIRST(&client_pool), taken[n]);
    }
    assert_int_equal(client_pool.mp_min_free, 0);
    assert_true(os_mempool_is_sane(&client_pool));
}

static void
bad_calls_get_mynewts_errors(void **state)
{
    struct os_mempool pool;
    uint8_t *misaligned = (uint8_t *)client_memory + 1;

    assert_int_equal(os_mempool_init(NULL, 1, 8, client_memory, client_name), OS_INVALID_PARM);
    assert_int_equal(os_mempool_init(&pool, 1, 8, NULL, client_name), OS_INVALID_PARM);
    assert_int_equal(os_mempool_init(&pool, 1, 8, misaligned, client_name), OS_MEM_NOT_ALIGNED);
    assert_null(os_memblock_get(NULL));
    assert_int_equal(os_memblock_put(&client_pool, NULL), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put(NULL, client_memory), OS_INVALID_PARM);
}

static void
the_pools_may_be_walked(void **state)
{
    struct os_mempool second;
    struct os_mempool_info info;
    struct os_mempool *cur = NULL;
    int n = 0;

    assert_int_equal(os_mempool_init(&second, 0, 8, NULL, client_name), OS_OK);
    assert_null(STAILQ_NEXT(&client_pool, mp_list));
    assert_null(STAILQ_NEXT(&second, mp_list));
    while ((cur = os_mempool_info_get_next(cur, &info)) != NULL) {
        assert_string_equal(info.omi_name, client_name);
        assert_int_equal(info.omi_num_blocks, cur->mp_num_blocks);
        n++;
    }
    assert_int_equal(n, 2);
    assert_int_equal(os_mempool_unregister(&second), OS_OK);
}

static int basic_calls;
static void *basic_block;

static os_error_t
basic_put(struct os_mempool_ext *ome, void *data, void *arg)
{
    assert_ptr_equal(ome, &client_ext);
    assert_ptr_equal(arg, &basic_calls);
    basic_block = data;
    ++*(int *)arg;
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static void
an_extended_pool_calls_back(void **state)
{
    struct os_mempool *pool = &client_ext.mpe_mp;
    void *block = os_memblock_get(pool);

    assert_true((pool->mp_flags & OS_MEMPOOL_F_EXT) != 0);
    assert_int_equal(os_memblock_put(pool, block), 0);
    client_ext.mpe_put_cb = basic_put;
    client_ext.mpe_put_arg = &basic_calls;
    block = os_memblock_get(pool);
    basic_calls = 0;
    assert_int_equal(os_memblock_put(pool, block), 0);
    assert_int_equal(basic_calls, 1);
    assert_ptr_equal(basic_block, block);
    assert_int_equal(pool->mp_num_free, CLIENT_BLOCKS);
}

static int nested_depth;
static int nested_deepest;

/* The first call frees its block, takes it again and puts it: a second call, inside this one. */
static os_error_t
nested_put(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct os_mempool *pool = &ome->mpe_mp;
    os_error_t error = os_memblock_put_from_cb(pool, data);

    assert_int_equal(error, 0);
    nested_deepest = ++nested_depth > nested_deepest ? nested_depth : nested_deepest;
    if (nested_depth == 1) {
        void *again = os_memblock_get(pool);

        assert_ptr_equal(again, data);
        error = os_memblock_put(pool, again);
    }
    nested_depth--;
    return error;
}

static void
put_callbacks_nest(void **state)
{
    struct os_mempool *pool = &client_ext.mpe_mp;

    client_ext.mpe_put_cb = nested_put;
    nested_depth = nested_deepest = 0;
    assert_int_equal(os_memblock_put(pool, os_memblock_get(pool)), 0);
    assert_int_equal(nested_deepest, 2);
    assert_int_equal(nested_depth, 0);
    assert_int_equal(pool->mp_num_free, CLIENT_BLOCKS);
    assert_true(os_mempool_is_sane(pool));
}

#define PLAIN(test)    cmocka_unit_test_setup_teardown(test, client_setup, client_end)
#define EXTENDED(test) cmocka_unit_test_setup_teardown(test, client_setup_ext, client_end_ext)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(the_free_list_may_be_walked_after_init),
        PLAIN(the_free_list_may_be_walked_by_foreach),
        PLAIN(the_pool_is_drained_and_filled_again),
        PLAIN(bad_calls_get_mynewts_errors),
        PLAIN(the_pools_may_be_walked),
        EXTENDED(an_extended_pool_calls_back),
        EXTENDED(put_callbacks_nest),
    };

    return cmocka_run_group_tests_name("mynewt client", tests, NULL, NULL);
}
