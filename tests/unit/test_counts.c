/* SPDX-License-Identifier: Apache-2.0 */
/* test_counts.c: the counters against an oracle that keeps each of them by itself. */
#include <string.h>

#include "common/fixture.h"
#include "layout/counts.h"
#include "osmempool.h"

enum { N_OPERATIONS = 1000000, N_BLOCKS = 12 };

struct oracle {
    struct os_mempool pool;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(N_BLOCKS, 24)];
    void *held[N_BLOCKS];
    uint32_t n_held;
    uint32_t min_free;
    uint64_t gets, puts, failed, refused;
    int64_t adjust;
};

static void
oracle_begin(struct oracle *oracle)
{
    memset(oracle, 0, sizeof(*oracle));
    oracle->min_free = N_BLOCKS;
    assert_int_equal(os_mempool_init(&oracle->pool, N_BLOCKS, 24, oracle->buffer, "oracle"), OS_OK);
}

static void
oracle_get(struct oracle *oracle)
{
    void *block = os_memblock_get(&oracle->pool);

    if (oracle->n_held == N_BLOCKS) {
        assert_null(block);
        oracle->failed++;
        return;
    }
    assert_non_null(block);
    memset(block, 0xa5, 24);
    oracle->held[oracle->n_held++] = block;
    oracle->gets++;
    if (N_BLOCKS - oracle->n_held < oracle->min_free) {
        oracle->min_free = N_BLOCKS - oracle->n_held;
    }
}

static void
oracle_put(struct oracle *oracle, uint64_t random)
{
    uint32_t i;
    void *block;

    if (oracle->n_held == 0) {
        return;
    }
    i = (uint32_t)(random % oracle->n_held);
    block = oracle->held[i];
    oracle->held[i] = oracle->held[--oracle->n_held];
    assert_int_equal(os_memblock_put(&oracle->pool, block), OS_OK);
    oracle->puts++;
    /* Now and then the same once more, which is one too many. */
    if (random >> 60 == 0) {
        assert_int_equal(os_memblock_put(&oracle->pool, block), OS_INVALID_PARM);
        oracle->refused++;
    }
}

static void
oracle_clear(struct oracle *oracle)
{
    assert_int_equal(os_mempool_clear(&oracle->pool), OS_OK);
    oracle->adjust -= oracle->n_held;
    oracle->n_held = 0;
    oracle->min_free = N_BLOCKS;
}

static void
oracle_step(struct oracle *oracle, uint64_t random)
{
    unsigned choice = (unsigned)(random >> 8) % 1000;

    if (choice == 0) {
        oracle_clear(oracle);
    } else if (choice < 480) {
        oracle_put(oracle, random);
    } else {
        oracle_get(oracle);
    }
}

static void
oracle_compare(const struct oracle *oracle)
{
    struct pool_counts counts;

    counts_read(&oracle->pool, &counts);
    assert_false(counts.stale);
    assert_true(counts.gets == oracle->gets);
    assert_true(counts.puts == oracle->puts);
    assert_true(counts.adjust == oracle->adjust);
    assert_true(counts.failed == oracle->failed);
    assert_true(counts.refused == oracle->refused);
    assert_int_equal(counts.num_free, N_BLOCKS - oracle->n_held);
    assert_int_equal(counts.min_free, oracle->min_free);
    assert_true(counts.gets - counts.puts + (uint64_t)counts.adjust == oracle->n_held);
}

static void
random_operations_are_counted_exactly(void **state)
{
    uint64_t random = random_seed(0x636f756e74657273);
    struct oracle oracle;

    oracle_begin(&oracle);
    for (int i = 0; i < N_OPERATIONS; i++) {
        oracle_step(&oracle, random_next(&random));
        oracle_compare(&oracle);
    }
    assert_true(oracle.failed > 0 && oracle.refused > 0 && oracle.adjust < 0);
    assert_true(os_mempool_is_sane(&oracle.pool));
    oracle_clear(&oracle);
    pool_expect_whole(&oracle.pool);
    assert_int_equal(os_mempool_unregister(&oracle.pool), OS_OK);
}

/* The low half of gets starts near its end, so that a few gets carry. */
static void
gets_count_on_beyond_32_bits(void **state)
{
    const uint64_t before = UINT32_MAX - 2;
    struct oracle oracle;

    oracle_begin(&oracle);
    oracle_get(&oracle);
    oracle_get(&oracle);
    oracle_put(&oracle, 1u << 8);
    oracle.pool.osmp_gets = (uint32_t)before;
    oracle.gets = before;
    oracle.puts = before - oracle.n_held;
    for (int i = 0; i < 6; i++) {
        oracle_get(&oracle);
        oracle_compare(&oracle);
        oracle_put(&oracle, 1u << 8);
        oracle_compare(&oracle);
    }
    assert_true(oracle.gets > UINT32_MAX);
    oracle_clear(&oracle);
    oracle_compare(&oracle);
    assert_int_equal(os_mempool_unregister(&oracle.pool), OS_OK);
}

static void
a_carry_that_makes_a_new_low_counts_both(void **state)
{
    struct oracle oracle;

    oracle_begin(&oracle);
    oracle.pool.osmp_gets = UINT32_MAX;
    oracle.gets = oracle.puts = UINT32_MAX;
    oracle_get(&oracle);
    oracle_compare(&oracle);
    oracle_clear(&oracle);
    assert_int_equal(os_mempool_unregister(&oracle.pool), OS_OK);
}

/* As when the writer was stopped inside a phase. */
static void
a_phase_that_does_not_end_is_told_as_stale(void **state)
{
    struct fixture *fx = *state;
    struct os_mempool_stats stats;
    struct pool_counts counts;

    counts_begin(fx->pool);
    counts_read(fx->pool, &counts);
    assert_true(counts.stale);
    assert_int_equal(os_mempool_stats_get(fx->pool, &stats, sizeof(stats)), OS_OK);
    assert_int_equal(stats.stale, 1);
    assert_string_equal(counts.name, "fixture");
    assert_int_equal(counts.num_blocks, FIXTURE_BLOCKS);
    counts_end(fx->pool);
    counts_read(fx->pool, &counts);
    assert_false(counts.stale);
    assert_int_equal(os_mempool_stats_get(fx->pool, &stats, sizeof(stats)), OS_OK);
    assert_int_equal(stats.stale, 0);
}

static void
the_low_water_mark_is_never_above_the_free_count(void **state)
{
    struct fixture *fx = *state;
    struct pool_counts counts;

    fx->pool->mp_min_free = FIXTURE_BLOCKS + 1;
    counts_read(fx->pool, &counts);
    assert_int_equal(counts.min_free, FIXTURE_BLOCKS);
    fx->pool->mp_min_free = FIXTURE_BLOCKS;
}

static void
failures_and_lows_bear_their_time(void **state)
{
    struct fixture *fx = *state;
    struct pool_counts before, after;

    counts_read(fx->pool, &before);
    assert_true(before.failed_us == 0 && before.min_us == 0);
    pool_expect_whole(fx->pool);
    counts_read(fx->pool, &after);
    assert_int_equal(after.failed, 1);
    assert_true(after.min_us > 0 && after.failed_us >= after.min_us);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, fixture_plain, fixture_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_are_counted_exactly),
        cmocka_unit_test(gets_count_on_beyond_32_bits),
        cmocka_unit_test(a_carry_that_makes_a_new_low_counts_both),
        PLAIN(a_phase_that_does_not_end_is_told_as_stale),
        PLAIN(the_low_water_mark_is_never_above_the_free_count),
        PLAIN(failures_and_lows_bear_their_time),
    };

    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
