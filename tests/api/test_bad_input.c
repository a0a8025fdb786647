/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bad_input.c: what each call of the seed does with bad input. Each test's teardown proves
 * that nothing was lost, corrupted or leaked: the pool is sane and gives all of its blocks.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/fixture.h"
#include "osmempool.h"

/* The two ways to put; both refuse the same. */
typedef os_error_t put_fn(struct os_mempool *mp, void *block);
static put_fn *const put_ways[] = {os_memblock_put, os_memblock_put_from_cb};

static void
expect_refused(struct fixture *fx, struct os_mempool *mp, void *block)
{
    unsigned n_calls = fx->n_calls;
    uint32_t num_free = fx->pool->mp_num_free;

    for (size_t i = 0; i < LENGTH(put_ways); i++) {
        assert_int_equal(put_ways[i](mp, block), OS_INVALID_PARM);
    }
    assert_int_equal(fx->n_calls, n_calls);
    assert_int_equal(fx->pool->mp_num_free, num_free);
    assert_true(os_mempool_is_sane(fx->pool));
}

/* Both inits with one bad argument: the error, and neither struct nor registry is touched. */
static void
expect_no_init(uint32_t blocks, uint32_t size, void *membuf, os_error_t error)
{
    struct os_mempool_ext ext, before;
    unsigned n_pools = pools_registered();

    memset(&ext, 0xa5, sizeof(ext));
    before = ext;
    assert_int_equal(os_mempool_init(&ext.mpe_mp, blocks, size, membuf, "bad"), error);
    assert_int_equal(os_mempool_ext_init(&ext, blocks, size, membuf, "bad"), error);
    assert_memory_equal(&ext, &before, sizeof(ext));
    assert_int_equal(pools_registered(), n_pools);
    assert_null(os_mempool_get("bad", NULL));
}

static void
initialising_no_pool_is_refused(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(os_mempool_init(NULL, 1, 8, fx->buffer, "bad"), OS_INVALID_PARM);
    assert_int_equal(os_mempool_ext_init(NULL, 1, 8, fx->buffer, "bad"), OS_INVALID_PARM);
}

static void
a_block_size_of_zero_is_refused(void **state)
{
    struct fixture *fx = *state;

    expect_no_init(1, 0, fx->buffer, OS_INVALID_PARM);
    expect_no_init(0, 0, NULL, OS_INVALID_PARM);
}

static void
blocks_without_a_buffer_are_refused(void **state)
{
    expect_no_init(1, 8, NULL, OS_INVALID_PARM);
    expect_no_init(UINT32_MAX, UINT32_MAX, NULL, OS_INVALID_PARM);
}

static void
a_buffer_that_wraps_round_the_address_space_is_refused(void **state)
{
    char *last_page = (char *)(UINTPTR_MAX - 4095);

    expect_no_init(64, 65, last_page, OS_INVALID_PARM);
    expect_no_init(UINT32_MAX, UINT32_MAX, last_page, OS_INVALID_PARM);
    expect_no_init(1, UINT32_MAX, last_page, OS_INVALID_PARM);
    expect_no_init(2, 1, (void *)(UINTPTR_MAX - 7), OS_INVALID_PARM);
}

static void
a_misaligned_buffer_is_refused(void **state)
{
    struct fixture *fx = *state;

    for (unsigned off = 1; off < OS_ALIGNMENT; off++) {
        expect_no_init(1, 8, fx->buffer + off, OS_MEM_NOT_ALIGNED);
    }
}

static void
a_pool_of_no_blocks_is_empty_and_legal(void **state)
{
    struct fixture *fx = *state;
    struct os_mempool pool;

    assert_int_equal(os_mempool_init(&pool, 0, 8, NULL, "none"), OS_OK);
    assert_null(os_memblock_get(&pool));
    expect_refused(fx, &pool, fixture_block(fx, 0));
    assert_int_equal(os_memblock_from(&pool, fixture_block(fx, 0)), 0);
    assert_int_equal(os_mempool_clear(&pool), OS_OK);
    pool_expect_whole(&pool);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

static void
a_pool_of_no_blocks_may_have_a_buffer(void **state)
{
    struct fixture *fx = *state;
    struct os_mempool_ext ext;
    void *buffer = fixture_block(fx, 0);

    assert_int_equal(os_mempool_ext_init(&ext, 0, 8, buffer, "none"), OS_OK);
    assert_int_equal(os_memblock_from(&ext.mpe_mp, buffer), 0);
    assert_null(os_memblock_get(&ext.mpe_mp));
    assert_int_equal(os_mempool_unregister(&ext.mpe_mp), OS_OK);
}

/* With a block in use, as upstream's start-up code does it: no fault. */
static void
a_registered_pool_is_made_anew(void **state)
{
    static struct os_mempool_ext first, last;
    static os_membuf_t first_buffer[8], last_buffer[8], other[8];
    struct os_mempool *mp = &first.mpe_mp;
    struct os_mempool_stats stats;
    void *block;

    assert_int_equal(os_mempool_init(mp, 4, 16, first_buffer, "first"), OS_OK);
    assert_int_equal(os_mempool_ext_init(&last, 1, 8, last_buffer, "last"), OS_OK);
    block = os_memblock_get(mp);
    assert_int_equal(os_memblock_put(mp, other), OS_INVALID_PARM);
    assert_int_equal(os_mempool_init(mp, 1, 0, other, "again"), OS_INVALID_PARM);
    assert_int_equal(os_mempool_init(mp, 1, 8, (char *)other + 1, "again"), OS_MEM_NOT_ALIGNED);
    assert_ptr_equal(os_mempool_info_get_next(mp, NULL), &last);
    assert_int_equal(os_mempool_init(mp, 2, 16, other, "again"), OS_OK);
    assert_ptr_equal(os_mempool_info_get_next(&last.mpe_mp, NULL), mp);
    assert_null(os_mempool_info_get_next(mp, NULL));
    assert_null(os_mempool_get("first", NULL));
    assert_ptr_equal(os_mempool_get("again", NULL), mp);
    assert_int_equal(os_mempool_stats_get(mp, &stats, sizeof(stats)), OS_OK);
    assert_int_equal(stats.num_free, 2);
    assert_int_equal(stats.gets + stats.puts + stats.refused + stats.faults, 0);
    assert_int_equal(os_memblock_put(mp, block), OS_INVALID_PARM);
    pool_expect_whole(mp);
    last.mpe_put_cb = fixture_count_call;
    assert_int_equal(os_mempool_ext_init(&last, 1, 8, last_buffer, "last"), OS_OK);
    assert_null(last.mpe_put_cb);
    assert_int_equal(os_mempool_unregister(&last.mpe_mp), OS_OK);
    assert_int_equal(os_mempool_unregister(mp), OS_OK);
}

static void
a_pool_without_a_name_is_shown_as_unnamed(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(1, 8)];
    struct os_mempool_info info;
    struct os_mempool pool;

    memset(&info, 0xa5, sizeof(info));
    assert_int_equal(os_mempool_init(&pool, 1, 8, buffer, NULL), OS_OK);
    assert_ptr_equal(os_mempool_get("", &info), &pool);
    assert_string_equal(info.omi_name, "");
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

static void
getting_from_no_pool_gives_nothing(void **state)
{
    assert_null(os_memblock_get(NULL));
}

static void
getting_from_an_empty_pool_gives_nothing(void **state)
{
    struct fixture *fx = *state;
    void **blocks = pool_get_all(fx->pool);

    for (int i = 0; i < 1000; i++) {
        assert_null(os_memblock_get(fx->pool));
    }
    assert_int_equal(fx->pool->mp_num_free, 0);
    pool_put_all(fx->pool, blocks);
}

static void
a_zeroed_pool_gives_and_takes_nothing(void **state)
{
    struct fixture *fx = *state;
    static struct os_mempool_ext zeroed;
    void *block = fixture_block(fx, 0);

    assert_null(os_memblock_get(&zeroed.mpe_mp));
    expect_refused(fx, &zeroed.mpe_mp, block);
    expect_refused(fx, &zeroed.mpe_mp, NULL);
    assert_int_equal(os_memblock_from(&zeroed.mpe_mp, block), 0);
    assert_int_equal(os_memblock_from(&zeroed.mpe_mp, NULL), 0);
    assert_int_equal(os_mempool_unregister(&zeroed.mpe_mp), OS_INVALID_PARM);
}

static void
putting_into_no_pool_is_refused(void **state)
{
    struct fixture *fx = *state;

    expect_refused(fx, NULL, fixture_block(fx, 0));
    expect_refused(fx, NULL, NULL);
}

static void
putting_no_block_is_refused(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    expect_refused(fx, fx->pool, NULL);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
}

static void
putting_a_block_from_outside_the_pool_is_refused(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);
    os_membuf_t stack[8];
    void *const outside[] = {
        fx->buffer - OS_ALIGNMENT,
        fx->buffer - FIXTURE_STRIDE,
        fixture_block(fx, FIXTURE_BLOCKS),
        fixture_block(fx, 1000000),
        stack,
        fx->pool,
        (void *)OS_ALIGNMENT,
        (void *)(UINTPTR_MAX & ~(uintptr_t)7),
        (void *)((uintptr_t)fx->buffer ^ (uintptr_t)1 << (sizeof(void *) * CHAR_BIT - 1)),
    };

    for (size_t i = 0; i < LENGTH(outside); i++) {
        expect_refused(fx, fx->pool, outside[i]);
    }
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
}

static void
putting_another_pools_block_is_refused(void **state)
{
    struct fixture *fx = *state;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(2, FIXTURE_SIZE)];
    struct os_mempool other;
    void *mine = os_memblock_get(fx->pool);
    void *theirs;

    assert_int_equal(os_mempool_init(&other, 2, FIXTURE_SIZE, buffer, "other"), OS_OK);
    theirs = os_memblock_get(&other);
    expect_refused(fx, fx->pool, theirs);
    expect_refused(fx, &other, mine);
    assert_int_equal(os_memblock_put(&other, theirs), OS_OK);
    assert_int_equal(os_memblock_put(fx->pool, mine), OS_OK);
    pool_expect_whole(&other);
    assert_int_equal(os_mempool_unregister(&other), OS_OK);
}

static void
putting_a_pointer_into_a_block_is_refused(void **state)
{
    struct fixture *fx = *state;
    void **blocks = pool_get_all(fx->pool);

    for (unsigned off = 0; off < FIXTURE_BLOCKS * FIXTURE_STRIDE; off++) {
        if (off % FIXTURE_STRIDE != 0) {
            expect_refused(fx, fx->pool, fx->buffer + off);
        }
    }
    pool_put_all(fx->pool, blocks);
}

static void
putting_a_free_block_is_refused_wherever_it_is_on_the_list(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    for (unsigned i = 1; i < FIXTURE_BLOCKS; i++) {
        expect_refused(fx, fx->pool, fixture_block(fx, i));
    }
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
}

static void
putting_a_block_twice_is_refused(void **state)
{
    struct fixture *fx = *state;
    void *first = os_memblock_get(fx->pool);
    void *second = os_memblock_get(fx->pool);
    void *held = os_memblock_get(fx->pool);

    memset(first, 0x5a, FIXTURE_SIZE);
    assert_int_equal(os_memblock_put(fx->pool, first), OS_OK);
    expect_refused(fx, fx->pool, first);
    assert_int_equal(os_memblock_put(fx->pool, second), OS_OK);
    expect_refused(fx, fx->pool, first);
    expect_refused(fx, fx->pool, second);
    assert_int_equal(os_memblock_put(fx->pool, held), OS_OK);
}

static void
more_puts_than_blocks_are_refused(void **state)
{
    struct fixture *fx = *state;

    pool_put_all(fx->pool, pool_get_all(fx->pool));
    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        expect_refused(fx, fx->pool, fixture_block(fx, i));
    }
}

static void
put_from_cb_outside_a_callback_is_a_put_without_it(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    assert_int_equal(os_memblock_put_from_cb(fx->pool, block), OS_OK);
    assert_int_equal(fx->n_calls, 0);
    assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS);
}

/* Tries what would call it again without end, then does it right. */
static os_error_t
put_itself(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct fixture *fx = arg;

    fx->n_calls++;
    assert_int_equal(os_memblock_put(&ome->mpe_mp, data), OS_INVALID_PARM);
    assert_int_equal(fx->n_calls, 1);
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static void
putting_the_block_whose_callback_runs_is_refused(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    fx->ext.mpe_put_cb = put_itself;
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    assert_int_equal(fx->n_calls, 1);
}

/* Frees its block, gets it again and puts that, once. */
static os_error_t
put_again(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct fixture *fx = arg;

    if (os_memblock_put_from_cb(&ome->mpe_mp, data) != OS_OK) {
        return OS_ERROR;
    }
    if (++fx->n_calls == 2) {
        return OS_OK;
    }
    assert_ptr_equal(os_memblock_get(&ome->mpe_mp), data);
    return os_memblock_put(&ome->mpe_mp, data);
}

static void
putting_the_block_got_again_in_its_own_callback_is_legal(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    fx->ext.mpe_put_cb = put_again;
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    assert_int_equal(fx->n_calls, 2);
}

static void
unregistering_what_is_not_registered_is_refused(void **state)
{
    struct fixture *fx = *state;
    struct os_mempool unknown;

    memset(&unknown, 0xa5, sizeof(unknown));
    assert_int_equal(os_mempool_unregister(NULL), OS_INVALID_PARM);
    assert_int_equal(os_mempool_unregister(&unknown), OS_INVALID_PARM);
    assert_int_equal(pools_registered(), 1);
    assert_int_equal(os_mempool_unregister(fx->pool), OS_OK);
    assert_int_equal(os_mempool_unregister(fx->pool), OS_INVALID_PARM);
    assert_int_equal(pools_registered(), 0);
}

static void
an_unregistered_pool_goes_on_working(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    assert_int_equal(os_mempool_unregister(fx->pool), OS_OK);
    memset(block, 0x5a, FIXTURE_SIZE);
    assert_int_equal(os_memblock_from(fx->pool, block), 1);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    expect_refused(fx, fx->pool, block);
    assert_ptr_equal(os_memblock_get(fx->pool), block);
    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
}

static void
clearing_no_pool_is_refused(void **state)
{
    assert_int_equal(os_mempool_clear(NULL), OS_INVALID_PARM);
    assert_int_equal(os_mempool_ext_clear(NULL), OS_INVALID_PARM);
}

static void
only_the_start_of_a_block_is_from_the_pool(void **state)
{
    struct fixture *fx = *state;
    const char *begin = fx->buffer;
    int local;

    for (ptrdiff_t off = -FIXTURE_STRIDE; off < (FIXTURE_BLOCKS + 1) * FIXTURE_STRIDE; off++) {
        bool starts =
            off >= 0 && off < FIXTURE_BLOCKS * FIXTURE_STRIDE && off % FIXTURE_STRIDE == 0;

        assert_int_equal(os_memblock_from(fx->pool, begin + off), starts);
    }
    assert_int_equal(os_memblock_from(fx->pool, NULL), 0);
    assert_int_equal(os_memblock_from(fx->pool, &local), 0);
    assert_int_equal(os_memblock_from(NULL, begin), 0);
    assert_int_equal(os_memblock_from(NULL, NULL), 0);
}

static void
a_block_in_use_is_from_the_pool(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    assert_int_equal(os_memblock_from(fx->pool, block), 1);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
}

static void
no_pool_is_not_sane(void **state)
{
    assert_false(os_mempool_is_sane(NULL));
}

static void
a_block_taken_before_a_clear_is_refused_while_free(void **state)
{
    struct fixture *fx = *state;
    void *first = os_memblock_get(fx->pool);
    void *second = os_memblock_get(fx->pool);

    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
    expect_refused(fx, fx->pool, first);
    expect_refused(fx, fx->pool, second);
    assert_ptr_equal(os_memblock_get(fx->pool), first);
    expect_refused(fx, fx->pool, second);
    assert_int_equal(os_memblock_put(fx->pool, first), OS_OK);
}

static void
the_walk_works_without_a_place_for_information(void **state)
{
    struct fixture *fx = *state;

    assert_ptr_equal(os_mempool_info_get_next(NULL, NULL), fx->pool);
    assert_null(os_mempool_info_get_next(fx->pool, NULL));
    assert_ptr_equal(os_mempool_get("fixture", NULL), fx->pool);
    assert_null(os_mempool_get("no such pool", NULL));
    assert_null(os_mempool_get(NULL, NULL));
}

static void
a_walk_that_finds_nothing_leaves_the_information_alone(void **state)
{
    struct fixture *fx = *state;
    struct os_mempool_info info, before;

    memset(&info, 0xa5, sizeof(info));
    before = info;
    assert_null(os_mempool_info_get_next(fx->pool, &info));
    assert_null(os_mempool_get("no such pool", &info));
    assert_memory_equal(&info, &before, sizeof(info));
}

/* Its memory cannot be read any more: a look at it would end the test by a signal. */
static void
the_walk_does_not_touch_a_pool_that_is_gone(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(1, 8)];
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct os_mempool_info info;
    struct os_mempool *gone = page;

    assert_ptr_not_equal(page, MAP_FAILED);
    assert_int_equal(os_mempool_init(gone, 1, 8, buffer, "gone"), OS_OK);
    assert_int_equal(os_mempool_unregister(gone), OS_OK);
    assert_int_equal(mprotect(page, 4096, PROT_NONE), 0);
    assert_null(os_mempool_info_get_next(gone, &info));
    assert_int_equal(os_mempool_unregister(gone), OS_INVALID_PARM);
    munmap(page, 4096);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, fixture_plain, fixture_end)
/* clang-format off */
#define EXTENDED(test) {#test " (extended)", test, fixture_extended, fixture_end, NULL}
/* clang-format on */
#define BOTH(test) PLAIN(test), EXTENDED(test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(initialising_no_pool_is_refused),
        BOTH(a_block_size_of_zero_is_refused),
        BOTH(blocks_without_a_buffer_are_refused),
        BOTH(a_buffer_that_wraps_round_the_address_space_is_refused),
        BOTH(a_misaligned_buffer_is_refused),
        BOTH(a_pool_of_no_blocks_is_empty_and_legal),
        BOTH(a_pool_of_no_blocks_may_have_a_buffer),
        BOTH(a_registered_pool_is_made_anew),
        BOTH(a_pool_without_a_name_is_shown_as_unnamed),
        BOTH(getting_from_no_pool_gives_nothing),
        BOTH(getting_from_an_empty_pool_gives_nothing),
        BOTH(a_zeroed_pool_gives_and_takes_nothing),
        BOTH(putting_into_no_pool_is_refused),
        BOTH(putting_no_block_is_refused),
        BOTH(putting_a_block_from_outside_the_pool_is_refused),
        BOTH(putting_another_pools_block_is_refused),
        BOTH(putting_a_pointer_into_a_block_is_refused),
        BOTH(putting_a_free_block_is_refused_wherever_it_is_on_the_list),
        BOTH(putting_a_block_twice_is_refused),
        BOTH(more_puts_than_blocks_are_refused),
        BOTH(put_from_cb_outside_a_callback_is_a_put_without_it),
        EXTENDED(putting_the_block_whose_callback_runs_is_refused),
        EXTENDED(putting_the_block_got_again_in_its_own_callback_is_legal),
        BOTH(unregistering_what_is_not_registered_is_refused),
        BOTH(an_unregistered_pool_goes_on_working),
        BOTH(clearing_no_pool_is_refused),
        BOTH(only_the_start_of_a_block_is_from_the_pool),
        BOTH(a_block_in_use_is_from_the_pool),
        BOTH(no_pool_is_not_sane),
        BOTH(a_block_taken_before_a_clear_is_refused_while_free),
        BOTH(the_walk_works_without_a_place_for_information),
        BOTH(a_walk_that_finds_nothing_leaves_the_information_alone),
        BOTH(the_walk_does_not_touch_a_pool_that_is_gone),
    };

    return cmocka_run_group_tests_name("bad input", tests, NULL, NULL);
}
