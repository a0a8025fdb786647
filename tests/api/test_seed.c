/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_seed.c: the seed's API, line by line: every name is there, with its type and its value, and
 * does what its description says.
 */
#include <limits.h>
#include <os_arch.h>
#include <os_mempool.h>
#include <stdlib.h>
#include <string.h>

#include "common/fixture.h"
#include "osmempool.h"

/* Functions, each with exactly this type. */
static os_error_t (*const seed_init)(struct os_mempool *, uint32_t, uint32_t, void *,
                                     const char *) = os_mempool_init;
static os_error_t (*const seed_ext_init)(struct os_mempool_ext *, uint32_t, uint32_t, void *,
                                         const char *) = os_mempool_ext_init;
static os_error_t (*const seed_unregister)(struct os_mempool *) = os_mempool_unregister;
static os_error_t (*const seed_clear)(struct os_mempool *) = os_mempool_clear;
static bool (*const seed_is_sane)(const struct os_mempool *) = os_mempool_is_sane;
static int (*const seed_from)(const struct os_mempool *, const void *) = os_memblock_from;
static void *(*const seed_get)(struct os_mempool *) = os_memblock_get;
static os_error_t (*const seed_put_from_cb)(struct os_mempool *, void *) = os_memblock_put_from_cb;
static os_error_t (*const seed_put)(struct os_mempool *, void *) = os_memblock_put;
static struct os_mempool *(*const seed_next)(struct os_mempool *,
                                             struct os_mempool_info *) = os_mempool_info_get_next;
static struct os_mempool *(*const seed_find)(const char *,
                                             struct os_mempool_info *) = os_mempool_get;
static void (*const seed_module_init)(void) = os_mempool_module_init;
static os_mempool_put_fn *const seed_put_fn = fixture_count_call;

_Static_assert(sizeof(((struct os_mempool_info *)0)->omi_name) == OS_MEMPOOL_INFO_NAME_LEN, "");
_Static_assert(offsetof(struct os_mempool_ext, mpe_mp) == 0, "may be cast to its pool");

/* Constants. */
_Static_assert(OS_OK == 0 && OS_ENOMEM == 1 && OS_EINVAL == 2 && OS_INVALID_PARM == 3, "");
_Static_assert(OS_MEM_NOT_ALIGNED == 4 && OS_BAD_MUTEX == 5 && OS_TIMEOUT == 6, "");
_Static_assert(OS_ERR_IN_ISR == 7 && OS_ERR_PRIV == 8 && OS_NOT_STARTED == 9, "");
_Static_assert(OS_ENOENT == 10 && OS_EBUSY == 11 && OS_ERROR == 12, "");
_Static_assert(OS_MEMPOOL_F_EXT == 0x01 && OS_MEMPOOL_INFO_NAME_LEN == 32, "");
_Static_assert(OS_ALIGNMENT == sizeof(void *) && sizeof(os_membuf_t) == OS_ALIGNMENT, "");
_Static_assert(OS_ALIGN(0, 8) == 0 && OS_ALIGN(1, 8) == 8 && OS_ALIGN(9, 4) == 12, "");
_Static_assert(_Alignof(struct os_mempool) <= _Alignof(max_align_t), "malloc's alignment does");
#if OS_ALIGNMENT != 4 && OS_ALIGNMENT != 8
#error "OS_ALIGNMENT is a constant of the preprocessor"
#endif

/* Sizes. */
_Static_assert(OS_MEMPOOL_SIZE(3, 1) == 3 && OS_MEMPOOL_SIZE(3, OS_ALIGNMENT + 1) == 6, "");
_Static_assert(OS_MEMPOOL_BYTES(3, 1) == 3 * OS_ALIGNMENT && OS_MEMPOOL_BYTES(0, 9) == 0, "");
_Static_assert(sizeof(OS_MEMPOOL_SIZE(1, 1)) == sizeof(size_t), "computed in size_t");
static os_membuf_t seed_array[OS_MEMPOOL_SIZE(4, 33)];

static void
every_name_of_the_seed_is_there(void **state)
{
    const void *const names[] = {
        (void *)seed_init,        (void *)seed_ext_init, (void *)seed_unregister,
        (void *)seed_clear,       (void *)seed_find,     (void *)seed_is_sane,
        (void *)seed_from,        (void *)seed_get,      (void *)seed_put_fn,
        (void *)seed_next,        (void *)seed_put,      (void *)seed_put_from_cb,
        (void *)seed_module_init,
    };

    for (size_t i = 0; i < LENGTH(names); i++) {
        assert_non_null(names[i]);
    }
}

/* Checked at run time, so that it is a test with a name. */
#define MEMBER_IS(structure, member, type)                                                         \
    assert_true(_Generic(((structure *)0)->member, type : true, default : false))

static void
every_member_has_its_type(void **state)
{
    MEMBER_IS(struct os_mempool, mp_block_size, uint32_t);
    MEMBER_IS(struct os_mempool, mp_num_blocks, uint32_t);
    MEMBER_IS(struct os_mempool, mp_num_free, uint32_t);
    MEMBER_IS(struct os_mempool, mp_min_free, uint32_t);
    MEMBER_IS(struct os_mempool, mp_flags, uint8_t);
    MEMBER_IS(struct os_mempool, mp_membuf_addr, uintptr_t);
    MEMBER_IS(struct os_mempool, name, char *);
    MEMBER_IS(struct os_mempool, slh_first, struct os_memblock *);
    MEMBER_IS(struct os_mempool, mp_list.stqe_next, struct os_mempool *);
    MEMBER_IS(struct os_memblock, mb_next.sle_next, struct os_memblock *);
    MEMBER_IS(struct os_mempool_ext, mpe_mp, struct os_mempool);
    MEMBER_IS(struct os_mempool_ext, mpe_put_cb, os_mempool_put_fn *);
    MEMBER_IS(struct os_mempool_ext, mpe_put_arg, void *);
    MEMBER_IS(struct os_mempool_info, omi_block_size, int);
    MEMBER_IS(struct os_mempool_info, omi_num_blocks, int);
    MEMBER_IS(struct os_mempool_info, omi_num_free, int);
    MEMBER_IS(struct os_mempool_info, omi_min_free, int);
}

/* 40,000 blocks of 1 MiB; a product in 32 bits would be 3,290,431,488. */
static void
sizes_above_4_gib_are_exact(void **state)
{
    volatile uint32_t blocks = 40000, size = 1024 * 1024;
    uint64_t bytes = 41943040000;

    if (sizeof(size_t) < sizeof(uint64_t)) {
        return;
    }
    assert_true(OS_MEMPOOL_BYTES(blocks, size) == bytes);
    assert_true(OS_MEMPOOL_BYTES(40000, 1024 * 1024) == bytes);
    assert_true(OS_MEMPOOL_SIZE(blocks, size) == bytes / OS_ALIGNMENT);
    assert_true(OS_MEMPOOL_BYTES(1, UINT32_MAX) == (size_t)UINT32_MAX + 1);
}

/* One block and many, against a sum of our own: bytes, and elements of the array's type. */
static void
sizes_are_rounded_up_for_each_block(void **state)
{
    for (uint32_t size = 1; size <= 100; size++) {
        size_t stride = size;

        while (stride % OS_ALIGNMENT != 0) {
            stride++;
        }
        for (uint32_t n = 0; n < 5; n++) {
            assert_int_equal(OS_MEMPOOL_BYTES(n, size), n * stride);
            assert_int_equal(OS_MEMPOOL_SIZE(n, size), n * stride / sizeof(os_membuf_t));
        }
    }
}

static void
the_smallest_block_holds_a_link(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(3, 1)];
    struct os_mempool pool;
    char *first, *second;

    assert_true(OS_MEMPOOL_BYTES(1, 1) >= sizeof(struct os_memblock));
    assert_int_equal(os_mempool_init(&pool, 3, 1, buffer, "links"), OS_OK);
    pool_expect_whole(&pool);
    first = os_memblock_get(&pool);
    second = os_memblock_get(&pool);
    assert_true(second - first >= (ptrdiff_t)sizeof(struct os_memblock));
    assert_int_equal(os_memblock_put(&pool, second), OS_OK);
    assert_int_equal(os_memblock_put(&pool, first), OS_OK);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

/* Also behind a byte. */
static void
an_array_of_membufs_is_aligned(void **state)
{
    struct behind {
        char byte;
        os_membuf_t buffer[OS_MEMPOOL_SIZE(1, 1)];
    } array;
    struct os_mempool pool;

    assert_int_equal(OS_ALIGNMENT, sizeof(void *));
    assert_int_equal(sizeof(os_membuf_t), OS_ALIGNMENT);
    assert_int_equal(offsetof(struct behind, buffer), OS_ALIGNMENT);
    assert_int_equal((uintptr_t)array.buffer % OS_ALIGNMENT, 0);
    assert_int_equal(os_mempool_init(&pool, 1, 1, array.buffer, "aligned"), OS_OK);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

static void
a_static_array_holds_a_pool(void **state)
{
    struct os_mempool pool;

    assert_int_equal(sizeof(seed_array), OS_MEMPOOL_BYTES(4, 33));
    assert_int_equal(os_mempool_init(&pool, 4, 33, seed_array, "array"), OS_OK);
    pool_expect_whole(&pool);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

/* Written to the last byte, which a tool that watches the heap sees. */
static void
memory_of_malloc_holds_a_pool(void **state)
{
    size_t bytes = OS_MEMPOOL_BYTES(5, 33);
    char *buffer = malloc(bytes);
    struct os_mempool pool;
    void **blocks;

    assert_int_equal(os_mempool_init(&pool, 5, 33, buffer, "heap"), OS_OK);
    pool_expect_whole(&pool);
    blocks = pool_get_all(&pool);
    for (unsigned i = 0; i < 5; i++) {
        assert_true((char *)blocks[i] >= buffer && (char *)blocks[i] + 33 <= buffer + bytes);
        memset(blocks[i], 0xff, 33);
    }
    pool_put_all(&pool, blocks);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    free(buffer);
}

/* Two pools side by side in one buffer. */
static void
a_pool_that_runs_dry_takes_nothing_from_its_neighbour(void **state)
{
    os_membuf_t buffer[2 * OS_MEMPOOL_SIZE(4, 24)];
    struct os_mempool greedy, other;
    void **blocks;

    assert_int_equal(os_mempool_init(&greedy, 4, 24, buffer, "greedy"), OS_OK);
    assert_int_equal(os_mempool_init(&other, 4, 24, &buffer[LENGTH(buffer) / 2], "other"), OS_OK);
    blocks = pool_get_all(&greedy);
    for (unsigned i = 0; i < 4; i++) {
        memset(blocks[i], 0xff, 24);
    }
    assert_null(os_memblock_get(&greedy));
    pool_expect_whole(&other);
    pool_put_all(&greedy, blocks);
    assert_int_equal(os_mempool_unregister(&greedy), OS_OK);
    assert_int_equal(os_mempool_unregister(&other), OS_OK);
}

static void
expect_new(const struct fixture *fx, uint8_t flags)
{
    assert_int_equal(fx->pool->mp_block_size, FIXTURE_SIZE);
    assert_int_equal(fx->pool->mp_num_blocks, FIXTURE_BLOCKS);
    assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS);
    assert_int_equal(fx->pool->mp_min_free, FIXTURE_BLOCKS);
    assert_int_equal(fx->pool->mp_flags, flags);
    assert_true(fx->pool->mp_membuf_addr == (uintptr_t)fx->buffer);
    assert_string_equal(fx->pool->name, "fixture");
    assert_ptr_equal(fx->pool->slh_first, fx->buffer);
}

static void
init_fills_in_the_members(void **state)
{
    expect_new(*state, 0);
}

static void
ext_init_fills_in_the_members(void **state)
{
    expect_new(*state, OS_MEMPOOL_F_EXT);
}

static void
ext_init_leaves_the_callback_to_the_user(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(1, 8)];
    struct os_mempool_ext ext;

    memset(&ext, 0xa5, sizeof(ext));
    assert_int_equal(os_mempool_ext_init(&ext, 1, 8, buffer, "ext"), OS_OK);
    assert_null(ext.mpe_put_cb);
    assert_null(ext.mpe_put_arg);
    assert_int_equal(ext.mpe_mp.mp_flags, OS_MEMPOOL_F_EXT);
    assert_int_equal(os_mempool_unregister(&ext.mpe_mp), OS_OK);
}

static void
expect_ascending_links(const struct fixture *fx)
{
    const struct os_memblock *block = fx->pool->slh_first;

    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        assert_ptr_equal(block, fixture_block(fx, i));
        block = block->mb_next.sle_next;
    }
    assert_null(block);
}

/* The list by its raw links, and by gets. */
static void
expect_ascending(struct fixture *fx)
{
    void *got[FIXTURE_BLOCKS];

    if (!free_blocks_are_hidden()) {
        expect_ascending_links(fx);
    }
    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        got[i] = os_memblock_get(fx->pool);
        assert_ptr_equal(got[i], fixture_block(fx, i));
    }
    /* Back in the same order, so that the list is now a descending one. */
    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        assert_int_equal(os_memblock_put(fx->pool, got[i]), OS_OK);
    }
}

static void
blocks_come_in_ascending_order_after_init_and_clear(void **state)
{
    struct fixture *fx = *state;

    expect_ascending(fx);
    assert_ptr_equal(fx->pool->slh_first, fixture_block(fx, FIXTURE_BLOCKS - 1));
    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
    expect_ascending(fx);
}

static void
the_last_block_put_is_the_first_got(void **state)
{
    struct fixture *fx = *state;
    void **blocks = pool_get_all(fx->pool);

    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        void *block = blocks[(i * 5 + 3) % FIXTURE_BLOCKS];

        assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
        assert_ptr_equal(os_memblock_get(fx->pool), block);
    }
    pool_put_all(fx->pool, blocks);
}

static void
a_block_is_all_its_owners_while_it_is_out(void **state)
{
    struct fixture *fx = *state;
    void **blocks = pool_get_all(fx->pool);
    char expected[FIXTURE_SIZE];

    for (int i = 0; i < FIXTURE_BLOCKS; i++) {
        memset(blocks[i], i + 1, FIXTURE_SIZE);
    }
    assert_null(os_memblock_get(fx->pool));
    for (int i = 0; i < FIXTURE_BLOCKS; i++) {
        memset(expected, i + 1, sizeof(expected));
        assert_memory_equal(blocks[i], expected, sizeof(expected));
        assert_int_equal((uintptr_t)blocks[i] % OS_ALIGNMENT, 0);
    }
    pool_put_all(fx->pool, blocks);
}

static void
num_free_and_min_free_follow_each_call(void **state)
{
    struct fixture *fx = *state;
    void *first = os_memblock_get(fx->pool);
    void *second = os_memblock_get(fx->pool);

    assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS - 2);
    assert_int_equal(fx->pool->mp_min_free, FIXTURE_BLOCKS - 2);
    assert_int_equal(os_memblock_put(fx->pool, first), OS_OK);
    assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS - 1);
    assert_int_equal(fx->pool->mp_min_free, FIXTURE_BLOCKS - 2);
    assert_int_equal(os_memblock_put(fx->pool, second), OS_OK);
    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
    assert_int_equal(fx->pool->mp_min_free, FIXTURE_BLOCKS);
}

static void
clear_frees_all_blocks(void **state)
{
    struct fixture *fx = *state;

    free(pool_get_all(fx->pool));
    assert_int_equal(fx->pool->mp_num_free, 0);
    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
    assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS);
    assert_int_equal(fx->pool->mp_min_free, FIXTURE_BLOCKS);
}

/* Writes to free blocks, as their last owners must not: each is found, and mended by a clear. */
static void
a_damaged_pool_is_not_sane(void **state)
{
    struct fixture *fx = *state;

    if (free_blocks_are_hidden()) {
        return;
    }
    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        assert_true(os_mempool_is_sane(fx->pool));
        memset(fixture_block(fx, i), 0x5a, FIXTURE_SIZE);
        assert_false(os_mempool_is_sane(fx->pool));
        assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
    }
}

static void
the_walk_tells_each_pools_measures(void **state)
{
    struct fixture *fx = *state;
    struct os_mempool_info info;
    void *block = os_memblock_get(fx->pool);

    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    assert_ptr_equal(os_mempool_info_get_next(NULL, &info), fx->pool);
    assert_int_equal(info.omi_block_size, FIXTURE_SIZE);
    assert_int_equal(info.omi_num_blocks, FIXTURE_BLOCKS);
    assert_int_equal(info.omi_num_free, FIXTURE_BLOCKS);
    assert_int_equal(info.omi_min_free, FIXTURE_BLOCKS - 1);
    assert_string_equal(info.omi_name, "fixture");
}

/* Pools on empty buffers, for the walk. */
static void
pools_init(struct os_mempool *pools, const char *const *names, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(os_mempool_init(&pools[i], 0, 8, NULL, names[i]), OS_OK);
    }
}

static void
expect_walk(struct os_mempool *const *order, unsigned n)
{
    struct os_mempool *mp = NULL;

    for (unsigned i = 0; i < n; i++) {
        mp = os_mempool_info_get_next(mp, NULL);
        assert_ptr_equal(mp, order[i]);
    }
    assert_null(os_mempool_info_get_next(mp, NULL));
}

static void
the_walk_goes_in_order_of_registration(void **state)
{
    const char *const names[] = {"a", "b", "c"};
    struct os_mempool pools[3];

    os_mempool_module_init();
    pools_init(pools, names, 3);
    expect_walk((struct os_mempool *[]){&pools[0], &pools[1], &pools[2]}, 3);
    assert_int_equal(os_mempool_unregister(&pools[1]), OS_OK);
    expect_walk((struct os_mempool *[]){&pools[0], &pools[2]}, 2);
    pools_init(&pools[1], names, 1);
    expect_walk((struct os_mempool *[]){&pools[0], &pools[2], &pools[1]}, 3);
    pools_init(&pools[0], names, 1);
    expect_walk((struct os_mempool *[]){&pools[2], &pools[1], &pools[0]}, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(os_mempool_unregister(&pools[i]), OS_OK);
    }
    expect_walk(NULL, 0);
}

static void
a_name_is_copied_up_to_31_bytes(void **state)
{
    char name[] = "0123456789012345678901234567890123456789";
    struct os_mempool_info info;
    struct os_mempool pool;

    assert_int_equal(os_mempool_init(&pool, 0, 8, NULL, name), OS_OK);
    assert_ptr_equal(pool.name, name);
    memset(name, 'x', sizeof(name) - 1);
    assert_ptr_equal(os_mempool_info_get_next(NULL, &info), &pool);
    assert_string_equal(info.omi_name, "0123456789012345678901234567890");
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

static void
a_pool_is_found_by_the_first_31_bytes_of_its_name(void **state)
{
    const char *const names[] = {"0123456789012345678901234567890A", "short", "", "short"};
    struct os_mempool_info info;
    struct os_mempool pools[4];

    pools_init(pools, names, 4);
    assert_ptr_equal(os_mempool_get("0123456789012345678901234567890B", &info), &pools[0]);
    assert_string_equal(info.omi_name, "0123456789012345678901234567890");
    assert_ptr_equal(os_mempool_get("0123456789012345678901234567890", NULL), &pools[0]);
    assert_null(os_mempool_get("012345678901234567890123456789", NULL));
    assert_ptr_equal(os_mempool_get("short", &info), &pools[1]);
    assert_ptr_equal(os_mempool_get("", NULL), &pools[2]);
    assert_null(os_mempool_get("shor", NULL));
    assert_null(os_mempool_get("shorter", NULL));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(os_mempool_unregister(&pools[i]), OS_OK);
    }
}

static void
information_above_int_max_is_shown_as_int_max(void **state)
{
    /* The largest that can be rounded up to the alignment. */
    const uint32_t largest = sizeof(size_t) > 4 ? UINT32_MAX : UINT32_MAX - (OS_ALIGNMENT - 1);
    const uint32_t sizes[] = {INT_MAX - 1u, INT_MAX, INT_MAX + 1u, largest};
    struct os_mempool_info info;
    struct os_mempool pool;

    for (size_t i = 0; i < LENGTH(sizes); i++) {
        int shown = sizes[i] < INT_MAX ? (int)sizes[i] : INT_MAX;

        assert_int_equal(os_mempool_init(&pool, 0, sizes[i], NULL, "big"), OS_OK);
        assert_ptr_equal(os_mempool_get("big", &info), &pool);
        assert_int_equal(info.omi_block_size, shown);
        assert_true(pool.mp_block_size == sizes[i]);
        assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    }
}

static void
the_library_tells_the_version_of_its_headers(void **state)
{
    char version[32];

    snprintf(version, sizeof(version), "%d.%d.%d", OSMEMPOOL_VERSION_MAJOR, OSMEMPOOL_VERSION_MINOR,
             OSMEMPOOL_VERSION_PATCH);
    assert_string_equal(osmempool_version(), version);
    assert_string_equal(OSMEMPOOL_VERSION_STRING, version);
}

#define PLAIN(test)    cmocka_unit_test_setup_teardown(test, fixture_plain, fixture_end)
#define EXTENDED(test) cmocka_unit_test_setup_teardown(test, fixture_extended, fixture_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_of_the_seed_is_there),
        cmocka_unit_test(every_member_has_its_type),
        cmocka_unit_test(sizes_above_4_gib_are_exact),
        cmocka_unit_test(sizes_are_rounded_up_for_each_block),
        cmocka_unit_test(the_smallest_block_holds_a_link),
        cmocka_unit_test(an_array_of_membufs_is_aligned),
        cmocka_unit_test(a_static_array_holds_a_pool),
        cmocka_unit_test(memory_of_malloc_holds_a_pool),
        cmocka_unit_test(a_pool_that_runs_dry_takes_nothing_from_its_neighbour),
        PLAIN(init_fills_in_the_members),
        EXTENDED(ext_init_fills_in_the_members),
        cmocka_unit_test(ext_init_leaves_the_callback_to_the_user),
        PLAIN(blocks_come_in_ascending_order_after_init_and_clear),
        PLAIN(the_last_block_put_is_the_first_got),
        PLAIN(a_block_is_all_its_owners_while_it_is_out),
        PLAIN(num_free_and_min_free_follow_each_call),
        PLAIN(clear_frees_all_blocks),
        PLAIN(a_damaged_pool_is_not_sane),
        PLAIN(the_walk_tells_each_pools_measures),
        cmocka_unit_test(the_walk_goes_in_order_of_registration),
        cmocka_unit_test(a_name_is_copied_up_to_31_bytes),
        cmocka_unit_test(a_pool_is_found_by_the_first_31_bytes_of_its_name),
        cmocka_unit_test(information_above_int_max_is_shown_as_int_max),
        cmocka_unit_test(the_library_tells_the_version_of_its_headers),
    };

    return cmocka_run_group_tests_name("seed", tests, NULL, NULL);
}
