/* SPDX-License-Identifier: Apache-2.0 */
/* test_pool.c: pools as such, without the registry. */
#include <string.h>

#include "common/fixture.h"
#include "layout/counts.h"
#include "pool/pool.h"

enum { N_BLOCKS = 5, SIZE = 24 };

struct bare {
    struct os_mempool pool;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(N_BLOCKS, SIZE)];
};

/* What was there before must not matter. */
static void
bare_format(struct bare *bare, const char *name)
{
    memset(bare, 0xa5, sizeof(*bare));
    pool_format(&bare->pool, N_BLOCKS, SIZE, bare->buffer, name, 0);
}

static void
a_formatted_pool_is_whole_and_unregistered(void **state)
{
    struct bare bare;

    bare_format(&bare, "bare");
    pool_expect_whole(&bare.pool);
    assert_int_equal(pools_registered(), 0);
}

static void
a_formatted_pool_has_counted_nothing(void **state)
{
    struct pool_counts counts;
    struct bare bare;

    bare_format(&bare, "bare");
    counts_read(&bare.pool, &counts);
    assert_string_equal(counts.name, "bare");
    assert_int_equal(counts.block_size, SIZE);
    assert_int_equal(counts.num_blocks, N_BLOCKS);
    assert_int_equal(counts.num_free, N_BLOCKS);
    assert_int_equal(counts.min_free, N_BLOCKS);
    assert_int_equal(counts.num_cached, 0);
    assert_true(counts.gets == 0 && counts.puts == 0 && counts.adjust == 0);
    assert_true(counts.failed == 0 && counts.refused == 0);
    assert_true(counts.failed_us == 0 && counts.min_us == 0);
    assert_false(counts.stale);
}

static void
a_name_that_is_freed_does_not_matter(void **state)
{
    char name[] = "a name in memory that goes away, and a long one";
    struct pool_counts counts;
    struct bare bare;

    bare_format(&bare, name);
    memset(name, 0, sizeof(name));
    counts_read(&bare.pool, &counts);
    assert_string_equal(counts.name, "a name in memory that goes away");
    bare_format(&bare, NULL);
    counts_read(&bare.pool, &counts);
    assert_string_equal(counts.name, "");
}

static void
clear_gives_up_what_was_out(void **state)
{
    struct pool_counts counts;
    struct bare bare;

    bare_format(&bare, "bare");
    for (int i = 0; i < 3; i++) {
        assert_non_null(os_memblock_get(&bare.pool));
    }
    assert_int_equal(os_mempool_clear(&bare.pool), OS_OK);
    counts_read(&bare.pool, &counts);
    assert_true(counts.gets == 3 && counts.puts == 0 && counts.adjust == -3);
    assert_int_equal(counts.min_free, N_BLOCKS);
    assert_true(counts.min_us > 0);
    pool_expect_whole(&bare.pool);
}

static void
nothing_outside_the_buffer_is_written(void **state)
{
    os_membuf_t memory[OS_MEMPOOL_SIZE(N_BLOCKS, SIZE) + 2];
    const os_membuf_t guard = (os_membuf_t)-3;
    struct os_mempool pool;

    memory[0] = memory[LENGTH(memory) - 1] = guard;
    pool_format(&pool, N_BLOCKS, SIZE, &memory[1], "bare", 0);
    pool_expect_whole(&pool);
    assert_int_equal(os_mempool_clear(&pool), OS_OK);
    assert_true(memory[0] == guard && memory[LENGTH(memory) - 1] == guard);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_formatted_pool_is_whole_and_unregistered),
        cmocka_unit_test(a_formatted_pool_has_counted_nothing),
        cmocka_unit_test(a_name_that_is_freed_does_not_matter),
        cmocka_unit_test(clear_gives_up_what_was_out),
        cmocka_unit_test(nothing_outside_the_buffer_is_written),
    };

    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
