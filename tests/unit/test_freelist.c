/* SPDX-License-Identifier: Apache-2.0 */
/* test_freelist.c: the list of free blocks, sound and damaged. */
#include <stdlib.h>
#include <string.h>

#include "check/watch.h"
#include "common/fixture.h"
#include "pool/freelist.h"

/* Link or key of block number i. */
static osmp_word *
word_of(const struct fixture *fx, unsigned i, unsigned word)
{
    return &osmp_words(fixture_block(fx, i))[word];
}

static void
expect_balance(const struct os_mempool *mp)
{
    struct pool_counts counts;

    counts_read(mp, &counts);
    assert_true(counts.gets - counts.puts + (uint64_t)counts.adjust ==
                counts.num_blocks - counts.num_free);
}

/* Damaged somehow: said to be so, without a crash or a loop, and repaired by a clear. */
static void
expect_damaged(struct fixture *fx)
{
    assert_false(os_mempool_is_sane(fx->pool));
    assert_int_equal(os_mempool_clear(fx->pool), OS_OK);
    assert_true(os_mempool_is_sane(fx->pool));
    expect_balance(fx->pool);
}

static void
each_free_block_carries_its_key(void **state)
{
    const struct fixture *fx = *state;

    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        assert_true(*word_of(fx, i, OSMP_KEY) == osmp_key(fx->pool, fixture_block(fx, i)));
    }
}

static void
get_takes_the_key_away(void **state)
{
    const struct fixture *fx = *state;
    void **blocks;

    /* The second time, no get makes a new low. */
    pool_put_all(fx->pool, pool_get_all(fx->pool));
    blocks = pool_get_all(fx->pool);
    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        assert_int_equal(osmp_words(blocks[i])[OSMP_KEY], 0);
    }
    pool_put_all(fx->pool, blocks);
}

/* At each depth of the list, after the block's user wrote these bytes. */
static void
expect_double_puts_found(struct fixture *fx, int bytes)
{
    void **blocks = pool_get_all(fx->pool);

    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        memset(blocks[i], bytes, FIXTURE_SIZE);
        assert_int_equal(os_memblock_put(fx->pool, blocks[i]), OS_OK);
        for (unsigned depth = 0; depth <= i; depth++) {
            assert_int_equal(os_memblock_put(fx->pool, blocks[depth]), OS_INVALID_PARM);
            assert_int_equal(fx->pool->mp_num_free, i + 1);
        }
    }
    free(blocks);
}

static void
a_double_put_is_found_whatever_the_block_held(void **state)
{
    for (int bytes = 0; bytes < 256; bytes++) {
        expect_double_puts_found(*state, bytes);
    }
}

static void
user_data_that_looks_like_the_key_is_no_double_put(void **state)
{
    struct fixture *fx = *state;
    void **blocks = pool_get_all(fx->pool);

    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        osmp_words(blocks[i])[OSMP_KEY] = osmp_key(fx->pool, blocks[i]);
        assert_int_equal(os_memblock_put(fx->pool, blocks[i]), OS_OK);
        assert_int_equal(os_memblock_put(fx->pool, blocks[i]), OS_INVALID_PARM);
    }
    free(blocks);
}

/* Memcheck and MSan would report a decision that depends on what was copied here. */
static void
a_block_of_undefined_content_may_be_put(void **state)
{
    struct fixture *fx = *state;
    void *undefined = malloc(FIXTURE_SIZE);
    void *block = os_memblock_get(fx->pool);

    assert_non_null(undefined);
    memcpy(block, undefined, FIXTURE_SIZE);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    free(undefined);
}

static void
a_full_pool_takes_no_block_even_if_its_key_is_gone(void **state)
{
    struct fixture *fx = *state;

    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        *word_of(fx, i, OSMP_KEY) = 0;
        assert_int_equal(os_memblock_put(fx->pool, fixture_block(fx, i)), OS_INVALID_PARM);
        assert_int_equal(fx->pool->mp_num_free, FIXTURE_BLOCKS);
        expect_damaged(fx);
    }
}

_Static_assert(FREELIST_WALK_MAX == 64, "the manual says so");
enum { ONE_WORD_BLOCKS = FREELIST_WALK_MAX + 16 };

/* A pool of one-word blocks of which num_free are free; the others are out. */
static void
one_word_init(struct os_mempool *mp, os_membuf_t *buffer, uint32_t num_free)
{
    assert_int_equal(os_mempool_init(mp, ONE_WORD_BLOCKS, 1, buffer, "one word"), OS_OK);
    while (mp->mp_num_free > num_free) {
        assert_non_null(os_memblock_get(mp));
    }
}

static void
one_word_double_puts_are_found_among_up_to_64_free_blocks(void **state)
{
    os_membuf_t buffer[ONE_WORD_BLOCKS];
    struct os_mempool mp;

    one_word_init(&mp, buffer, FREELIST_WALK_MAX);
    for (unsigned i = ONE_WORD_BLOCKS - FREELIST_WALK_MAX; i < ONE_WORD_BLOCKS; i++) {
        assert_int_equal(os_memblock_put(&mp, &buffer[i]), OS_INVALID_PARM);
    }
    assert_int_equal(mp.mp_num_free, FREELIST_WALK_MAX);
    assert_int_equal(os_memblock_put(&mp, &buffer[0]), OS_OK);
    assert_int_equal(os_mempool_unregister(&mp), OS_OK);
}

/* The limit of the check that takes constant time: found by the count, and by is_sane. */
static void
one_word_double_puts_among_more_are_found_by_the_count(void **state)
{
    os_membuf_t buffer[ONE_WORD_BLOCKS];
    struct os_mempool mp;

    one_word_init(&mp, buffer, ONE_WORD_BLOCKS - 1);
    assert_int_equal(os_memblock_put(&mp, mp.slh_first), OS_OK);
    assert_false(os_mempool_is_sane(&mp));
    assert_int_equal(os_memblock_put(&mp, &buffer[0]), OS_INVALID_PARM);
    assert_int_equal(mp.mp_num_free, ONE_WORD_BLOCKS);
    assert_int_equal(os_mempool_clear(&mp), OS_OK);
    pool_expect_whole(&mp);
    assert_int_equal(os_mempool_unregister(&mp), OS_OK);
}

/* One block is out; the link of the next one to go out is damaged; it goes out. */
static void
expect_cut_off(struct os_mempool *mp, uintptr_t link)
{
    void *first = os_memblock_get(mp);
    void *second = mp->slh_first;
    void *blocks[FIXTURE_BLOCKS];
    struct pool_counts before, counts;

    counts_read(mp, &before);
    osmp_words(second)[OSMP_LINK] = link;
    assert_int_equal(os_memblock_get_bulk(mp, blocks, 2), OS_ENOMEM);
    assert_ptr_equal(os_memblock_get(mp), second);
    assert_int_equal(mp->mp_num_free, 0);
    assert_int_equal(mp->mp_min_free, 0);
    expect_balance(mp);
    counts_read(mp, &counts);
    assert_true(counts.gets == before.gets + 1 && counts.puts == before.puts);
    assert_true(counts.adjust == before.adjust + FIXTURE_BLOCKS - 2);
    assert_true(counts.faults == before.faults + 2);
    assert_true(os_mempool_is_sane(mp));
    assert_null(os_memblock_get(mp));
    /* The pool goes on with the blocks that are out. */
    assert_int_equal(os_memblock_put(mp, first), OS_OK);
    assert_int_equal(os_memblock_put(mp, second), OS_OK);
    assert_int_equal(os_memblock_put(mp, second), OS_INVALID_PARM);
    assert_ptr_equal(os_memblock_get(mp), second);
    expect_balance(mp);
    assert_int_equal(os_mempool_clear(mp), OS_OK);
    expect_balance(mp);
    pool_expect_whole(mp);
}

/* Free blocks of one word cannot be told from others. Once while every get makes a new low, once in
 * a pool that was empty before. */
static void
a_damaged_link_cuts_the_list_of_one_word_blocks_off(void **state)
{
    os_membuf_t buffer[FIXTURE_BLOCKS];
    struct os_mempool mp;
    const uintptr_t links[] = {
        0,
        1,
        (uintptr_t)&mp,
        (uintptr_t)&buffer[3] + 1,
        (uintptr_t)&buffer[FIXTURE_BLOCKS],
        (uintptr_t)&buffer[0] - OS_ALIGNMENT,
        UINTPTR_MAX,
    };

    for (size_t i = 0; i < LENGTH(links); i++) {
        assert_int_equal(os_mempool_init(&mp, FIXTURE_BLOCKS, 1, buffer, "one word"), OS_OK);
        expect_cut_off(&mp, links[i]);
        assert_int_equal(os_mempool_clear(&mp), OS_OK);
        pool_expect_whole(&mp);
        expect_cut_off(&mp, links[i]);
        assert_int_equal(os_mempool_unregister(&mp), OS_OK);
    }
}

static void
a_damaged_link_of_the_last_block_loses_nothing(void **state)
{
    struct fixture *fx = *state;
    void **blocks;

    *word_of(fx, FIXTURE_BLOCKS - 1, OSMP_LINK) = (uintptr_t)fixture_block(fx, 0);
    blocks = pool_get_all(fx->pool);
    assert_null(os_memblock_get(fx->pool));
    assert_null(fx->pool->slh_first);
    expect_balance(fx->pool);
    pool_put_all(fx->pool, blocks);
}

static void
a_cyclic_list_is_not_sane(void **state)
{
    struct fixture *fx = *state;

    for (unsigned from = 0; from < FIXTURE_BLOCKS; from++) {
        for (unsigned to = 0; to <= from; to++) {
            *word_of(fx, from, OSMP_LINK) = (uintptr_t)fixture_block(fx, to);
            expect_damaged(fx);
        }
    }
}

static void
a_list_shorter_than_the_count_is_not_sane(void **state)
{
    struct fixture *fx = *state;

    *word_of(fx, 2, OSMP_LINK) = 0;
    expect_damaged(fx);
    *word_of(fx, 2, OSMP_LINK) = (uintptr_t)fixture_block(fx, 4);
    expect_damaged(fx);
    fx->pool->slh_first = NULL;
    expect_damaged(fx);
}

static void
a_list_longer_than_the_count_is_not_sane(void **state)
{
    struct fixture *fx = *state;

    fx->pool->mp_num_free--;
    fx->pool->mp_min_free--;
    expect_damaged(fx);
}

static void
counts_that_cannot_be_are_not_sane(void **state)
{
    struct fixture *fx = *state;

    fx->pool->mp_num_free = FIXTURE_BLOCKS + 1;
    assert_false(os_mempool_is_sane(fx->pool));
    fx->pool->mp_num_free = FIXTURE_BLOCKS;
    fx->pool->mp_min_free = FIXTURE_BLOCKS + 1;
    expect_damaged(fx);
}

static void
a_list_that_leads_elsewhere_is_not_sane(void **state)
{
    struct fixture *fx = *state;
    os_membuf_t elsewhere[8] = {0};
    const uintptr_t links[] = {
        (uintptr_t)elsewhere,
        (uintptr_t)fixture_block(fx, 1) + 1,
        (uintptr_t)fixture_block(fx, 1) + OS_ALIGNMENT,
        8,
        UINTPTR_MAX,
    };

    for (size_t i = 0; i < LENGTH(links); i++) {
        *word_of(fx, 5, OSMP_LINK) = links[i];
        expect_damaged(fx);
        fx->pool->slh_first = (struct os_memblock *)links[i];
        expect_damaged(fx);
    }
}

static void
a_free_block_without_its_key_is_not_sane(void **state)
{
    struct fixture *fx = *state;

    for (unsigned i = 0; i < FIXTURE_BLOCKS; i++) {
        *word_of(fx, i, OSMP_KEY) ^= 1;
        expect_damaged(fx);
    }
}

/* The walk that confirms a key is as long as the count says at most. */
static void
a_put_on_a_damaged_list_neither_loops_nor_crashes(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    *word_of(fx, 3, OSMP_LINK) = (uintptr_t)fixture_block(fx, 1);
    osmp_words(block)[OSMP_KEY] = osmp_key(fx->pool, block);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    expect_damaged(fx);
    block = os_memblock_get(fx->pool);
    *word_of(fx, 3, OSMP_LINK) = 8;
    osmp_words(block)[OSMP_KEY] = osmp_key(fx->pool, block);
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
    expect_damaged(fx);
}

/* The damage is named so, and found in this block; the pool is repaired by a clear. */
static void
expect_found(struct fixture *fx, const char *what, const void *block)
{
    struct freelist_damage damage = freelist_inspect(fx->pool);

    assert_non_null(damage.what);
    assert_non_null(strstr(damage.what, what));
    assert_ptr_equal(damage.block, block);
    expect_damaged(fx);
}

static void
nothing_is_found_in_a_sane_pool(void **state)
{
    struct fixture *fx = *state;
    void **blocks;

    assert_null(freelist_inspect(fx->pool).what);
    blocks = pool_get_all(fx->pool);
    assert_null(freelist_inspect(fx->pool).what);
    pool_put_all(fx->pool, blocks);
}

static void
damage_is_found_in_the_block_that_shows_it(void **state)
{
    struct fixture *fx = *state;

    for (unsigned i = 0; i + 1 < FIXTURE_BLOCKS; i++) {
        *word_of(fx, i, OSMP_KEY) ^= 1;
        expect_found(fx, "mark", fixture_block(fx, i));
        *word_of(fx, i, OSMP_LINK) = 8;
        expect_found(fx, "link", fixture_block(fx, i));
        *word_of(fx, i, OSMP_LINK) = 0;
        expect_found(fx, "shorter", fixture_block(fx, i));
    }
    *word_of(fx, FIXTURE_BLOCKS - 1, OSMP_LINK) = 8;
    expect_found(fx, "longer", fixture_block(fx, FIXTURE_BLOCKS - 1));
}

static void
a_cycle_is_found_where_it_begins(void **state)
{
    struct fixture *fx = *state;

    for (unsigned from = 0; from < FIXTURE_BLOCKS; from++) {
        for (unsigned to = 0; to <= from; to++) {
            *word_of(fx, from, OSMP_LINK) = (uintptr_t)fixture_block(fx, to);
            expect_found(fx, "comes back", fixture_block(fx, to));
        }
    }
}

static void
damage_of_the_pool_itself_names_no_block(void **state)
{
    struct fixture *fx = *state;

    fx->pool->slh_first = (struct os_memblock *)8;
    expect_found(fx, "begins at no block", NULL);
    fx->pool->slh_first = NULL;
    expect_found(fx, "shorter", NULL);
    fx->pool->mp_num_free = FIXTURE_BLOCKS + 1;
    expect_found(fx, "than there are", NULL);
    fx->pool->mp_min_free = FIXTURE_BLOCKS + 1;
    expect_found(fx, "low-water", NULL);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, fixture_plain, fixture_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(each_free_block_carries_its_key),
        PLAIN(get_takes_the_key_away),
        PLAIN(a_double_put_is_found_whatever_the_block_held),
        PLAIN(user_data_that_looks_like_the_key_is_no_double_put),
        PLAIN(a_block_of_undefined_content_may_be_put),
        PLAIN(a_full_pool_takes_no_block_even_if_its_key_is_gone),
        cmocka_unit_test(one_word_double_puts_are_found_among_up_to_64_free_blocks),
        cmocka_unit_test(one_word_double_puts_among_more_are_found_by_the_count),
        cmocka_unit_test(a_damaged_link_cuts_the_list_of_one_word_blocks_off),
        PLAIN(a_damaged_link_of_the_last_block_loses_nothing),
        PLAIN(a_cyclic_list_is_not_sane),
        PLAIN(a_list_shorter_than_the_count_is_not_sane),
        PLAIN(a_list_longer_than_the_count_is_not_sane),
        PLAIN(counts_that_cannot_be_are_not_sane),
        PLAIN(a_list_that_leads_elsewhere_is_not_sane),
        PLAIN(a_free_block_without_its_key_is_not_sane),
        PLAIN(nothing_is_found_in_a_sane_pool),
        PLAIN(damage_is_found_in_the_block_that_shows_it),
        PLAIN(a_cycle_is_found_where_it_begins),
        PLAIN(damage_of_the_pool_itself_names_no_block),
        PLAIN(a_put_on_a_damaged_list_neither_loops_nor_crashes),
    };

    /* These tests damage free blocks, which a tool would object to. */
    watch_ignore();
    return cmocka_run_group_tests_name("freelist", tests, NULL, NULL);
}
