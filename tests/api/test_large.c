/* SPDX-License-Identifier: Apache-2.0 */
/* test_large.c: many blocks, large blocks, and pools over 4 GiB, in memory that is not there until
 * it is touched. */
#include <sys/mman.h>

#include "common/fixture.h"

static void *
map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

/* A pool of these measures: counts and blocks are right to the byte. */
static void
expect_pool_of(uint32_t blocks, uint32_t size)
{
    size_t bytes = OS_MEMPOOL_BYTES(blocks, size);
    size_t stride = OS_MEMPOOL_BYTES(1, size);
    char *buffer = map(bytes);
    struct os_mempool pool;

    assert_int_equal(os_mempool_init(&pool, blocks, size, buffer, "large"), OS_OK);
    assert_int_equal(pool.mp_num_blocks, blocks);
    assert_int_equal(os_memblock_from(&pool, buffer + (blocks - 1) * stride), 1);
    assert_int_equal(os_memblock_from(&pool, buffer + bytes), 0);
    assert_int_equal(os_memblock_from(&pool, buffer + bytes - 1), 0);
    assert_int_equal(os_memblock_from(&pool, buffer - stride), 0);
    pool_expect_whole(&pool);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    munmap(buffer, bytes);
}

static void
a_pool_has_200000_blocks(void **state)
{
    expect_pool_of(200000, 64);
}

static void
counts_do_not_wrap_at_16_bits(void **state)
{
    expect_pool_of(65535, 24);
    expect_pool_of(65536, 24);
    expect_pool_of(70000, 24);
}

static void
blocks_of_any_size_are_exact(void **state)
{
    const uint32_t sizes[] = {1, 7, 8, 9, 15, 16, 17, 4095, 4096, 4097, 64 * 1024};

    for (size_t i = 0; i < LENGTH(sizes); i++) {
        expect_pool_of(1, sizes[i]);
        expect_pool_of(37, sizes[i]);
    }
}

static void
blocks_of_1_gib_make_a_pool_over_4_gib(void **state)
{
    if (sizeof(size_t) > 4) {
        expect_pool_of(6, 1024u * 1024 * 1024);
        expect_pool_of(3, UINT32_MAX);
    }
}

/* Every byte distance near each block of a 5 GiB pool, where a product in 32 bits would wrap. */
static void
the_blocks_of_a_pool_over_4_gib_are_known(void **state)
{
    const uint32_t size = 640u * 1024 * 1024 + 8;
    const uint32_t blocks = 8;
    size_t bytes = OS_MEMPOOL_BYTES(blocks, size);
    struct os_mempool pool;
    char *buffer;

    if (sizeof(size_t) == 4) {
        return;
    }
    buffer = map(bytes);
    assert_int_equal(os_mempool_init(&pool, blocks, size, buffer, "5 GiB"), OS_OK);
    for (size_t i = 0; i < blocks; i++) {
        for (ptrdiff_t off = -64; off <= 64; off++) {
            assert_int_equal(os_memblock_from(&pool, buffer + i * size + off), off == 0);
        }
        assert_int_equal(os_memblock_from(&pool, (void *)(uintptr_t)(uint32_t)(i * size)), 0);
    }
    pool_expect_whole(&pool);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    munmap(buffer, bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_has_200000_blocks),
        cmocka_unit_test(counts_do_not_wrap_at_16_bits),
        cmocka_unit_test(blocks_of_any_size_are_exact),
        cmocka_unit_test(blocks_of_1_gib_make_a_pool_over_4_gib),
        cmocka_unit_test(the_blocks_of_a_pool_over_4_gib_are_known),
    };

    return cmocka_run_group_tests_name("large", tests, NULL, NULL);
}
