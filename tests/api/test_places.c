/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_places.c: where a pool's blocks are, by number and by the distance from one to the next. Run
 * without and with OSMEMPOOL_DEBUG=fence, which moves them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "osmempool.h"

enum { BLOCKS = 5 };

static const uint32_t sizes[] = {
    1, OS_ALIGNMENT, OS_ALIGNMENT + 1, 24, 61, 64, 100, 328, 2048, 4095, 4096, 5000};

static bool
fenced(void)
{
    const char *words = getenv("OSMEMPOOL_DEBUG");

    return words != NULL && strcmp(words, "fence") == 0;
}

/* A block has the number i at each of its bytes, and nowhere else. */
static void
expect_number(const struct os_mempool *mp, char *block, uint32_t i)
{
    const size_t own = OS_ALIGN(mp->mp_block_size, OS_ALIGNMENT);
    const uint32_t before = own < os_mempool_stride(mp) ? UINT32_MAX : i - 1;
    const uint32_t after = own < os_mempool_stride(mp) || i + 1 == BLOCKS ? UINT32_MAX : i + 1;

    assert_ptr_equal(os_memblock_at(mp, i), block);
    for (size_t offset = 0; offset < own; offset++) {
        assert_int_equal(os_memblock_index(mp, block + offset), i);
    }
    assert_int_equal(os_memblock_index(mp, block - 1), before);
    assert_int_equal(os_memblock_index(mp, block + own), after);
}

/* Each block of a new pool, which come in order, is one stride behind the one before. */
static void
expect_places(struct os_mempool *mp, size_t stride)
{
    char *first = (char *)mp->mp_membuf_addr;
    void *blocks[BLOCKS];

    for (unsigned i = 0; i < BLOCKS; i++) {
        char *block = os_memblock_get(mp);

        assert_ptr_equal(block, first + i * stride);
        assert_int_equal(os_memblock_from(mp, first + i * stride), 1);
        assert_int_equal((size_t)(block - first) / os_mempool_stride(mp), i);
        expect_number(mp, block, i);
        blocks[i] = block;
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        assert_int_equal(os_memblock_put(mp, blocks[i]), OS_OK);
        expect_number(mp, blocks[i], i);
    }
}

static void
blocks_are_a_stride_apart(void **state)
{
    for (unsigned i = 0; i < LENGTH(sizes); i++) {
        size_t least = OS_ALIGN(sizes[i], OS_ALIGNMENT);
        void *buffer = malloc(OS_MEMPOOL_BYTES(BLOCKS, sizes[i]));
        struct os_mempool mp;

        assert_int_equal(os_mempool_init(&mp, BLOCKS, sizes[i], buffer, "places"), OS_OK);
        assert_true(os_mempool_stride(&mp) >= least);
        assert_int_equal(os_mempool_stride(&mp) == least, !fenced());
        expect_places(&mp, os_mempool_stride(&mp));
        assert_int_equal(os_mempool_unregister(&mp), OS_OK);
        free(buffer);
    }
}

static void
the_stride_outlives_the_registration(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, 24)];
    struct os_mempool mp;
    size_t stride;
    void *block;

    assert_int_equal(os_mempool_init(&mp, BLOCKS, 24, buffer, "places"), OS_OK);
    stride = os_mempool_stride(&mp);
    block = os_memblock_get(&mp);
    assert_int_equal(os_mempool_unregister(&mp), OS_OK);
    assert_int_equal(os_mempool_stride(&mp), stride);
    expect_number(&mp, block, 0);
    assert_int_equal(os_memblock_put(&mp, block), OS_OK);
}

static void
a_pool_of_one_block_or_none_has_a_stride(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(1, 24)];
    struct os_mempool mp;

    for (uint32_t blocks = 0; blocks <= 1; blocks++) {
        assert_int_equal(os_mempool_init(&mp, blocks, 24, buffer, "places"), OS_OK);
        assert_true(os_mempool_stride(&mp) >= 24);
        assert_int_equal(os_memblock_index(&mp, (void *)mp.mp_membuf_addr), blocks - 1);
        assert_ptr_equal(os_memblock_at(&mp, 0), blocks > 0 ? (void *)mp.mp_membuf_addr : NULL);
        assert_null(os_memblock_at(&mp, blocks));
        assert_int_equal(os_mempool_unregister(&mp), OS_OK);
    }
}

static void
no_pool_has_no_stride(void **state)
{
    static struct os_mempool never;

    assert_int_equal(os_mempool_stride(NULL), 0);
    assert_int_equal(os_mempool_stride(&never), 0);
}

static void
no_pool_has_numbers(void **state)
{
    static struct os_mempool never;

    assert_int_equal(os_memblock_index(NULL, &never), UINT32_MAX);
    assert_int_equal(os_memblock_index(&never, &never), UINT32_MAX);
    assert_int_equal(os_memblock_index(&never, NULL), UINT32_MAX);
    assert_null(os_memblock_at(NULL, 0));
    assert_null(os_memblock_at(&never, 0));
}

static void
what_is_in_no_block_has_no_number(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, 24)];
    struct os_mempool mp;

    assert_int_equal(os_mempool_init(&mp, BLOCKS, 24, buffer, "places"), OS_OK);
    assert_int_equal(os_memblock_index(&mp, NULL), UINT32_MAX);
    assert_int_equal(os_memblock_index(&mp, &mp), UINT32_MAX);
    assert_int_equal(os_memblock_index(&mp, buffer + LENGTH(buffer)), UINT32_MAX);
    assert_int_equal(os_memblock_index(&mp, buffer), fenced() ? UINT32_MAX : 0);
    assert_int_equal(os_memblock_index(&mp, (void *)UINTPTR_MAX), UINT32_MAX);
    assert_null(os_memblock_at(&mp, BLOCKS));
    assert_null(os_memblock_at(&mp, UINT32_MAX));
    assert_int_equal(os_mempool_unregister(&mp), OS_OK);
}

static void
a_block_has_no_guard_that_counts(void **state)
{
    assert_int_equal(OS_MEMPOOL_BLOCK_SZ(61), 61);
    assert_int_equal(OS_MEMPOOL_SIZE(3, OS_MEMPOOL_BLOCK_SZ(61)), OS_MEMPOOL_SIZE(3, 61));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_a_stride_apart),
        cmocka_unit_test(the_stride_outlives_the_registration),
        cmocka_unit_test(a_pool_of_one_block_or_none_has_a_stride),
        cmocka_unit_test(no_pool_has_no_stride),
        cmocka_unit_test(no_pool_has_numbers),
        cmocka_unit_test(what_is_in_no_block_has_no_number),
        cmocka_unit_test(a_block_has_no_guard_that_counts),
    };

    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
