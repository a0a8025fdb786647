/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "common/check.h"
#include "layout/geometry.h"

enum { N_RANDOM = 200000 };

static struct os_mempool
geometry_of(uint32_t blocks, uint32_t size, uintptr_t base)
{
    struct os_mempool mp = {.name = NULL};

    geometry_set(&mp, blocks, size, (const void *)base);
    return mp;
}

/* The definition, by division. */
static bool
is_block(const struct os_mempool *mp, uintptr_t address)
{
    size_t stride = ((size_t)mp->mp_block_size + OS_ALIGNMENT - 1) / OS_ALIGNMENT * OS_ALIGNMENT;
    uintptr_t distance = address - mp->mp_membuf_addr;

    return address >= mp->mp_membuf_addr && distance % stride == 0 &&
           distance / stride < mp->mp_num_blocks;
}

static void
expect_agreement(const struct os_mempool *mp, uintptr_t address)
{
    uintptr_t index = osmp_index(mp, (const void *)address);
    struct geometry_span span = geometry_span_of(mp);

    if (mp->mp_num_blocks > 0) {
        assert_int_equal(geometry_span_holds(mp, &span, (const void *)address),
                         is_block(mp, address));
    }
    assert_int_equal(geometry_holds(mp, (const void *)address), is_block(mp, address));
    if (is_block(mp, address)) {
        assert_true(index == (address - mp->mp_membuf_addr) / geometry_stride(mp));
        assert_ptr_equal(geometry_block(mp, (uint32_t)index), (void *)address);
    } else {
        assert_true(index >= mp->mp_num_blocks);
    }
}

/* All addresses of a small pool and around it, for all strides up to 4 KiB. */
static void
every_address_near_a_small_pool_is_told_right(void **state)
{
    const uintptr_t base = 0x10000;

    for (uint32_t size = 1; size <= 4096; size += size < 256 ? 1 : OS_ALIGNMENT) {
        struct os_mempool mp = geometry_of(5, size, base);
        size_t stride = geometry_stride(&mp);
        size_t step = size < 256 ? 1 : OS_ALIGNMENT / 2;

        for (uintptr_t address = base - 2 * stride; address <= base + 7 * stride; address += step) {
            expect_agreement(&mp, address);
        }
    }
}

/* A number of random magnitude: small ones are as likely as huge ones. */
static uintptr_t
random_of_any_size(uint64_t *random)
{
    uintptr_t bits = (uintptr_t)random_next(random);

    return bits >> random_next(random) % (sizeof(bits) * CHAR_BIT);
}

/* The place of some block, or one a little off it, or anywhere. */
static uintptr_t
random_address(const struct os_mempool *mp, uint64_t *random)
{
    uintptr_t address = mp->mp_membuf_addr + random_of_any_size(random) * geometry_stride(mp);

    switch (random_next(random) % 4) {
    case 0:
        return address;
    case 1:
        return address + random_of_any_size(random);
    case 2:
        return address - random_of_any_size(random);
    default:
        return (uintptr_t)random_next(random);
    }
}

static void
random_addresses_of_random_pools_are_told_right(void **state)
{
    uint64_t random = random_seed(0x6f736d656d706f6f);
    unsigned n_blocks = 0;

    for (int i = 0; i < N_RANDOM; i++) {
        uint32_t blocks = (uint32_t)random_of_any_size(&random);
        uint32_t size = (uint32_t)random_of_any_size(&random) | 1;
        uintptr_t base = random_of_any_size(&random) & ~(uintptr_t)(OS_ALIGNMENT - 1);
        struct os_mempool mp;

        if (geometry_check(blocks, size, (const void *)base) != OS_OK) {
            continue;
        }
        mp = geometry_of(blocks, size, base);
        for (int j = 0; j < 8; j++) {
            uintptr_t address = random_address(&mp, &random);

            expect_agreement(&mp, address);
            n_blocks += is_block(&mp, address);
        }
    }
    /* Both answers were asked for often. */
    assert_true(n_blocks > N_RANDOM / 4);
}

static void
the_ends_of_huge_pools_are_told_right(void **state)
{
    const uint32_t sizes[] = {1,         OS_ALIGNMENT + 1, 1u << 31, (1u << 31) + 1, UINT32_MAX - 7,
                              UINT32_MAX};
    const uint32_t counts[] = {1, 2, 65536, 1u << 31, UINT32_MAX};
    const uintptr_t base = 0x10000;

    for (size_t i = 0; i < LENGTH(sizes) * LENGTH(counts); i++) {
        uint32_t blocks = counts[i / LENGTH(sizes)];
        struct os_mempool mp = geometry_of(blocks, sizes[i % LENGTH(sizes)], base);
        uintptr_t last = base + (blocks - 1) * geometry_stride(&mp);

        if (geometry_check(blocks, mp.mp_block_size, (const void *)base) != OS_OK) {
            continue;
        }
        for (uintptr_t off = 0; off < 64; off++) {
            expect_agreement(&mp, last + off);
            expect_agreement(&mp, last - off);
        }
        expect_agreement(&mp, last + geometry_stride(&mp));
        expect_agreement(&mp, base - geometry_stride(&mp));
        expect_agreement(&mp, 0);
        expect_agreement(&mp, UINTPTR_MAX);
    }
}

static void
a_pool_up_to_the_end_of_the_address_space_is_refused_from_there_on(void **state)
{
    const uintptr_t top = UINTPTR_MAX - 8 * OS_ALIGNMENT + 1;

    assert_int_equal(geometry_check(7, OS_ALIGNMENT, (const void *)top), OS_OK);
    assert_int_equal(geometry_check(8, OS_ALIGNMENT, (const void *)top), OS_INVALID_PARM);
    assert_int_equal(geometry_check(7, OS_ALIGNMENT + 1, (const void *)top), OS_INVALID_PARM);
    assert_int_equal(geometry_check(0, OS_ALIGNMENT, (const void *)top), OS_OK);
}

static void
a_block_has_a_key_if_it_has_a_second_word(void **state)
{
    const struct os_mempool one = geometry_of(1, OS_ALIGNMENT, 0);
    const struct os_mempool two = geometry_of(1, OS_ALIGNMENT + 1, 0);

    assert_false(geometry_has_key(&one));
    assert_true(geometry_has_key(&two));
    assert_int_equal(geometry_stride(&two), 2 * OS_ALIGNMENT);
}

/* Memory of n bytes at each place around a pool of three blocks. */
static void
memory_that_touches_the_blocks_is_told_right(void **state)
{
    enum { BASE = 0x10000, SIZE = 3 * OS_ALIGNMENT, BYTES = 3 * SIZE };
    const struct os_mempool mp = geometry_of(3, SIZE, BASE);

    for (uintptr_t at = BASE - 100; at < BASE + BYTES + 100; at++) {
        for (size_t n = 1; n < BYTES + 100; n += 7) {
            assert_int_equal(geometry_touches(&mp, (void *)at, n),
                             at < BASE + BYTES && at + n > BASE);
        }
    }
    assert_false(geometry_touches(&mp, (void *)(UINTPTR_MAX - 8), 8));
}

static void
blocks_that_were_set_apart_are_known(void **state)
{
    for (uint32_t size = 1; size < 500; size++) {
        struct os_mempool mp = geometry_of(3, size, 0x10000);

        assert_false(geometry_is_apart(&mp));
        for (size_t step = geometry_stride(&mp) + OS_ALIGNMENT; step < 20000; step *= 2) {
            geometry_place(&mp, 0x20000, step);
            assert_true(geometry_is_apart(&mp));
        }
        geometry_place(&mp, 0x10000, geometry_stride(&mp));
        assert_false(geometry_is_apart(&mp));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_near_a_small_pool_is_told_right),
        cmocka_unit_test(random_addresses_of_random_pools_are_told_right),
        cmocka_unit_test(the_ends_of_huge_pools_are_told_right),
        cmocka_unit_test(a_pool_up_to_the_end_of_the_address_space_is_refused_from_there_on),
        cmocka_unit_test(a_block_has_a_key_if_it_has_a_second_word),
        cmocka_unit_test(memory_that_touches_the_blocks_is_told_right),
        cmocka_unit_test(blocks_that_were_set_apart_are_known),
    };

    return cmocka_run_group_tests_name("geometry", tests, NULL, NULL);
}
