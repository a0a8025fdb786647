/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/memory.h"
#include "check/fence.h"
#include "common/outside.h"

enum { BLOCKS = 5 };

static char *
block_of(const struct fence *fence, size_t stride, uint32_t i)
{
    return (char *)fence_first(fence, stride) + i * fence_step(fence);
}

static void
expect_readable(const struct fence *fence, size_t stride, uint32_t i, bool readable)
{
    char *block = block_of(fence, stride, i);

    assert_int_equal(is_readable(block), readable);
    assert_int_equal(is_readable(block + stride - 1), readable);
}

static void
a_block_is_accessible_while_it_is_open(void **state)
{
    static const size_t strides[] = {8, 64, 4096, 4104, 12288};

    for (size_t i = 0; i < LENGTH(strides); i++) {
        struct fence fence;

        assert_true(fence_make(&fence, BLOCKS, strides[i]));
        for (uint32_t block = 0; block < BLOCKS; block++) {
            expect_readable(&fence, strides[i], block, false);
            assert_true(fence_open(&fence, block));
            memset(block_of(&fence, strides[i], block), 1, strides[i]);
            assert_false(is_readable(block_of(&fence, strides[i], block) + strides[i]));
        }
        fence_close(&fence, 2);
        for (uint32_t block = 0; block < BLOCKS; block++) {
            expect_readable(&fence, strides[i], block, block != 2);
        }
        fence_close_all(&fence);
        for (uint32_t block = 0; block < BLOCKS; block++) {
            expect_readable(&fence, strides[i], block, false);
        }
        fence_end(&fence);
    }
}

static void
a_block_keeps_its_bytes_while_it_is_closed(void **state)
{
    struct fence fence;
    char *block;

    assert_true(fence_make(&fence, BLOCKS, 64));
    block = block_of(&fence, 64, 3);
    assert_true(fence_open(&fence, 3));
    memset(block, 0x77, 64);
    fence_close(&fence, 3);
    assert_true(fence_open(&fence, 3));
    assert_int_equal(block[0], 0x77);
    assert_int_equal(block[63], 0x77);
    fence_end(&fence);
}

static void
without_its_fences_all_is_accessible(void **state)
{
    struct fence fence;

    assert_true(fence_make(&fence, BLOCKS, 64));
    assert_true(fence_open(&fence, 1));
    assert_true(fence_drop(&fence));
    for (uint32_t i = 0; i < BLOCKS; i++) {
        expect_readable(&fence, 64, i, true);
    }
    memset(block_of(&fence, 64, 0), 1, fence_step(&fence));
    fence_end(&fence);
}

/* But an emulator may keep the place. */
static void
the_end_unmaps_it(void **state)
{
    struct fence fence;
    char *map;

    assert_true(fence_make(&fence, BLOCKS, 64));
    assert_true(fence_open(&fence, 0));
    map = (char *)fence_first(&fence, 64);
    assert_true(memory_can_be_read(map, 64));
    fence_end(&fence);
    assert_null(fence.map);
    assert_true(!memory_can_be_read(map, 64) || is_emulated());
}

/* What was refused, ended and given up counts no more. */
static void
more_mappings_than_half_of_all_are_refused(void **state)
{
    struct fence fence;

    for (int i = 0; i < 3; i++) {
        assert_false(fence_make(&fence, 10000000, 64));
        assert_true(fence_make(&fence, BLOCKS, 64));
        if (i == 1) {
            assert_true(fence_drop(&fence));
        }
        fence_end(&fence);
    }
}

static void
sizes_that_no_memory_has_are_refused(void **state)
{
    struct fence fence;

    assert_false(fence_make(&fence, UINT32_MAX, SIZE_MAX / 4));
    assert_false(fence_make(&fence, 2, SIZE_MAX / 2));
    for (size_t below = 0; below < 3 * 4096; below += 8) {
        assert_false(fence_make(&fence, 1, SIZE_MAX - 7 - below));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_accessible_while_it_is_open),
        cmocka_unit_test(a_block_keeps_its_bytes_while_it_is_closed),
        cmocka_unit_test(without_its_fences_all_is_accessible),
        cmocka_unit_test(the_end_unmaps_it),
        cmocka_unit_test(more_mappings_than_half_of_all_are_refused),
        cmocka_unit_test(sizes_that_no_memory_has_are_refused),
    };

    return cmocka_run_group_tests_name("fence", tests, NULL, NULL);
}
