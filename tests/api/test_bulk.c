/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bulk.c: many blocks in one call: all or nothing, and nothing is lost when it is nothing.
 * Each rule is tried on pools of every kind; box_end() proves that all blocks are there.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/box.h"

enum { MANY = 40, MIDDLE = 17 };

static void
get_many(struct box *box, void **blocks, uint32_t n)
{
    assert_int_equal(os_memblock_get_bulk(box->pool, blocks, n), OS_OK);
}

static void
put_many(struct box *box, void *const *blocks, uint32_t n)
{
    assert_int_equal(os_memblock_put_bulk(box->pool, blocks, n), OS_OK);
}

/* The counters have moved by so much; an unregistered pool has none to be asked for. */
static void
expect_moved(const struct box *box, const struct os_mempool_stats *from, unsigned gets,
             unsigned puts, unsigned failed, unsigned refused)
{
    struct os_mempool_stats st;

    if (!box_is_registered(box)) {
        return;
    }
    st = stats_of(box->pool);
    assert_int_equal(st.gets - from->gets, gets);
    assert_int_equal(st.puts - from->puts, puts);
    assert_int_equal(st.failed - from->failed, failed);
    assert_int_equal(st.refused - from->refused, refused);
    assert_int_equal(st.num_free, from->num_free - gets + puts);
}

static struct os_mempool_stats
stats_before(const struct box *box)
{
    return !box_is_registered(box) ? (struct os_mempool_stats){0} : stats_of(box->pool);
}

static void
all_that_were_got_are_different_blocks_of_the_pool(struct box *box)
{
    void *blocks[BOX_BLOCKS];

    get_many(box, blocks, BOX_BLOCKS);
    assert_null(os_memblock_get(box->pool));
    for (unsigned i = 0; i < BOX_BLOCKS; i++) {
        assert_int_equal(os_memblock_from(box->pool, blocks[i]), 1);
        for (unsigned j = 0; j < i; j++) {
            assert_ptr_not_equal(blocks[i], blocks[j]);
        }
    }
    put_many(box, blocks, BOX_BLOCKS);
}

static void
counters_tell_how_many_went_and_came(struct box *box)
{
    struct os_mempool_stats before = stats_before(box);
    void *blocks[MANY];

    for (unsigned n = 1; n <= MANY; n += 3) {
        get_many(box, blocks, n);
        put_many(box, blocks, n);
        expect_moved(box, &before, n, n, 0, 0);
        before = stats_before(box);
    }
}

static void
every_byte_of_every_block_is_the_callers(struct box *box)
{
    void *blocks[MANY];

    get_many(box, blocks, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        memset(blocks[i], (int)i + 1, box->size);
    }
    for (unsigned i = 0; i < MANY; i++) {
        const unsigned char *bytes = blocks[i];

        assert_int_equal(bytes[0], i + 1);
        assert_int_equal(bytes[box->size - 1], i + 1);
    }
    put_many(box, blocks, MANY);
}

static void
more_than_are_free_are_not_got(struct box *box)
{
    void *blocks[2 * BOX_BLOCKS];
    struct os_mempool_stats before;

    get_many(box, blocks, MANY);
    before = stats_before(box);
    assert_int_equal(os_memblock_get_bulk(box->pool, &blocks[MANY], BOX_BLOCKS - MANY + 1),
                     OS_ENOMEM);
    expect_moved(box, &before, 0, 0, 1, 0);
    assert_int_equal(os_memblock_get_bulk(box->pool, &blocks[MANY], UINT32_MAX), OS_ENOMEM);
    expect_moved(box, &before, 0, 0, 2, 0);
    get_many(box, &blocks[MANY], BOX_BLOCKS - MANY);
    put_many(box, blocks, BOX_BLOCKS);
    assert_int_equal(os_memblock_get_bulk(box->pool, blocks, BOX_BLOCKS + 1), OS_ENOMEM);
}

static void
none_is_fine_and_nothing_is_not(struct box *box)
{
    struct os_mempool_stats before = stats_before(box);
    void *blocks[1] = {NULL};

    assert_int_equal(os_memblock_get_bulk(box->pool, blocks, 0), OS_OK);
    assert_int_equal(os_memblock_put_bulk(box->pool, blocks, 0), OS_OK);
    assert_null(blocks[0]);
    expect_moved(box, &before, 0, 0, 0, 0);
    assert_int_equal(os_memblock_get_bulk(box->pool, NULL, 0), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put_bulk(box->pool, NULL, 0), OS_INVALID_PARM);
    assert_int_equal(os_memblock_get_bulk(box->pool, NULL, 1), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put_bulk(box->pool, NULL, 1), OS_INVALID_PARM);
    assert_int_equal(os_memblock_get_bulk(NULL, blocks, 1), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put_bulk(NULL, blocks, 0), OS_INVALID_PARM);
}

/* Refused, wherever in the array the bad one stands; then the corrected array goes. */
static void
expect_refused_with(struct box *box, void *bad)
{
    const unsigned places[] = {0, MIDDLE, MANY - 1};
    struct os_mempool_stats before;
    void *blocks[MANY];

    get_many(box, blocks, MANY);
    before = stats_before(box);
    box->n_calls = 0;
    for (unsigned i = 0; i < LENGTH(places); i++) {
        void *good = blocks[places[i]];

        blocks[places[i]] = bad;
        assert_int_equal(os_memblock_put_bulk(box->pool, blocks, MANY), OS_INVALID_PARM);
        expect_moved(box, &before, 0, 0, 0, i + 1);
        assert_int_equal(box->n_calls, 0);
        blocks[places[i]] = good;
    }
    put_many(box, blocks, MANY);
    assert_int_equal(box->n_calls, box_is_extended(box) ? MANY : 0);
}

static void
a_block_that_is_none_of_the_pools_stops_them_all(struct box *box)
{
    uint64_t foreign[8] = {0};

    expect_refused_with(box, NULL);
    expect_refused_with(box, foreign);
    expect_refused_with(box, box->buffer + 1);
    expect_refused_with(box, box->buffer - OS_ALIGNMENT);
    expect_refused_with(box, box->buffer + OS_MEMPOOL_BYTES(BOX_BLOCKS, box->size));
}

static void
a_block_that_is_free_stops_them_all(struct box *box)
{
    enum { FREE = BOX_BLOCKS - MANY };
    struct os_mempool_stats before;
    void *blocks[BOX_BLOCKS + 1];

    get_many(box, blocks, BOX_BLOCKS);
    put_many(box, &blocks[MANY], FREE);
    before = stats_before(box);
    for (unsigned i = 0; i < FREE; i++) {
        void *other = blocks[MANY];

        blocks[MANY] = blocks[MANY + i];
        assert_int_equal(os_memblock_put_bulk(box->pool, blocks, MANY + 1), OS_INVALID_PARM);
        expect_moved(box, &before, 0, 0, 0, i + 1);
        blocks[MANY] = other;
    }
    put_many(box, blocks, MANY);
}

static void
a_block_that_stands_twice_stops_them_all(struct box *box)
{
    struct os_mempool_stats before;
    void *blocks[MANY];

    if (!box_finds_twins(box)) {
        return;
    }
    get_many(box, blocks, MANY);
    before = stats_before(box);
    for (unsigned i = 1; i < MANY; i += 6) {
        void *good = blocks[i];

        blocks[i] = blocks[i - 1];
        assert_int_equal(os_memblock_put_bulk(box->pool, blocks, MANY), OS_INVALID_PARM);
        blocks[i] = blocks[0];
        assert_int_equal(os_memblock_put_bulk(box->pool, blocks, MANY), OS_INVALID_PARM);
        blocks[i] = good;
    }
    expect_moved(box, &before, 0, 0, 0, 2 * 7);
    put_many(box, blocks, MANY);
}

static void
what_was_refused_can_be_put_one_by_one(struct box *box)
{
    void *blocks[MANY + 1];

    get_many(box, blocks, MANY);
    blocks[MANY] = box->buffer + 1;
    assert_int_equal(os_memblock_put_bulk(box->pool, blocks, MANY + 1), OS_INVALID_PARM);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_OK);
        assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_INVALID_PARM);
    }
}

/* Users' data may look like the mark of a free block; nothing but a free block is one. */
static void
blocks_whose_data_looks_like_their_mark_are_put(struct box *box)
{
    void *blocks[MANY];

    get_many(box, blocks, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        uintptr_t mark = box->pool->osmp_secret ^ (uintptr_t)blocks[i];

        for (size_t at = 0; at + sizeof(mark) <= box->size; at += sizeof(mark)) {
            memcpy((char *)blocks[i] + at, &mark, sizeof(mark));
        }
    }
    put_many(box, blocks, MANY);
}

static void
single_and_bulk_calls_mix(struct box *box)
{
    void *blocks[BOX_BLOCKS];

    get_many(box, blocks, MIDDLE);
    for (unsigned i = MIDDLE; i < BOX_BLOCKS; i++) {
        blocks[i] = os_memblock_get(box->pool);
        assert_non_null(blocks[i]);
    }
    for (unsigned i = 0; i < MIDDLE; i++) {
        assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_OK);
    }
    put_many(box, &blocks[MIDDLE], BOX_BLOCKS - MIDDLE);
}

static void
low_water_is_what_the_bulk_left(struct box *box)
{
    void *blocks[MANY];

    if (!box_is_registered(box)) {
        return;
    }
    assert_int_equal(os_mempool_clear(box->pool), OS_OK);
    get_many(box, blocks, MANY);
    put_many(box, blocks, MANY);
    assert_true(stats_of(box->pool).min_free <= BOX_BLOCKS - MANY);
    if (stats_of(box->pool).num_cached == 0 && box->kind != BOX_CACHED_ELSEWHERE) {
        assert_int_equal(stats_of(box->pool).min_free, BOX_BLOCKS - MANY);
    }
}

/* All n blocks go back, by an array at some place of the pool's memory: it is the caller's until
 * the call returns. */
static void
put_from(struct box *box, char *place, void *const *blocks, uint32_t n)
{
    memcpy(place, blocks, n * sizeof(*blocks));
    assert_int_equal(os_memblock_put_bulk(box->pool, (void *const *)(void *)place, n), OS_OK);
    assert_true(os_mempool_is_sane(box->pool));
}

static void
an_array_may_lie_in_any_of_its_blocks(struct box *box)
{
    const uint32_t n = box->size / sizeof(void *) < MANY ? box->size / sizeof(void *) : MANY;
    const unsigned spare = box->size / sizeof(void *) - n;
    void *blocks[MANY];

    for (uint32_t i = 0; i < n; i++) {
        for (unsigned word = 0; word <= spare; word += 1 + spare / 3) {
            get_many(box, blocks, n);
            put_from(box, (char *)blocks[i] + word * sizeof(void *), blocks, n);
        }
    }
    for (uint32_t m = 1; m < n; m++) {
        get_many(box, blocks, m);
        put_from(box, (char *)blocks[m - 1] + (n - m) * sizeof(void *), blocks, m);
    }
}

static void
an_array_may_lie_across_its_blocks(struct box *box)
{
    void *blocks[BOX_BLOCKS];
    const size_t room = OS_MEMPOOL_BYTES(BOX_BLOCKS, box->size) - sizeof(blocks);

    for (size_t at = 0; at <= room && !free_blocks_are_hidden(); at += 8 + room / 64 * 8) {
        get_many(box, blocks, BOX_BLOCKS);
        put_from(box, box->buffer + at, blocks, BOX_BLOCKS);
        assert_int_equal(take_all(box->pool), BOX_BLOCKS);
    }
}

static void
an_array_in_a_block_that_is_refused_leaves_all_blocks_out(struct box *box)
{
    void *blocks[4];
    void **place;

    if (box->size < 4 * sizeof(void *)) {
        return;
    }
    get_many(box, blocks, 3);
    blocks[3] = box->buffer + 1;
    for (unsigned i = 0; i < 3; i++) {
        place = blocks[i];
        memcpy(place, blocks, sizeof(blocks));
        assert_int_equal(os_memblock_put_bulk(box->pool, place, 4), OS_INVALID_PARM);
    }
    put_many(box, blocks, 3);
}

/* The array's own blocks among those that it gets, if they are free, or not. */
static void
an_array_in_a_block_is_filled_in(struct box *box)
{
    void *blocks[BOX_BLOCKS], *others[MIDDLE];
    void **place;

    if (box->size < MIDDLE * sizeof(void *) || free_blocks_are_hidden()) {
        return;
    }
    get_many(box, blocks, BOX_BLOCKS);
    place = blocks[BOX_BLOCKS - 1];
    put_many(box, blocks, MIDDLE);
    assert_int_equal(os_memblock_get_bulk(box->pool, place, MIDDLE), OS_OK);
    memcpy(others, place, sizeof(others));
    put_many(box, others, MIDDLE);
    put_many(box, &blocks[MIDDLE], BOX_BLOCKS - MIDDLE);
    assert_true(os_mempool_is_sane(box->pool));
}

static void
all_blocks_are_got_into_an_array_in_the_first_of_them(struct box *box)
{
    void *blocks[BOX_BLOCKS];

    if (free_blocks_are_hidden()) {
        return;
    }
    assert_int_equal(os_memblock_get_bulk(box->pool, (void **)(void *)box->buffer, BOX_BLOCKS),
                     OS_OK);
    memcpy(blocks, box->buffer, sizeof(blocks));
    put_many(box, blocks, BOX_BLOCKS);
    assert_true(os_mempool_is_sane(box->pool));
}

/* Room for three pointers at the end of a page, behind which nothing may be touched. */
static void **
page_end(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    return (void **)(void *)(pages + page) - 3;
}

static void
page_free(void **array)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    munmap((char *)(array + 3) - page, 2 * page);
}

/* A number that went below 0, or is another one by mistake, is all that is looked at. */
static void
more_than_the_pool_has_are_refused_unseen(struct box *box)
{
    const uint32_t numbers[] = {BOX_BLOCKS + 1, 1u << 29, 1u << 31, UINT32_MAX - 2, UINT32_MAX};
    void **array = page_end();
    struct os_mempool_stats before;

    get_many(box, array, 3);
    before = stats_before(box);
    for (unsigned i = 0; i < LENGTH(numbers); i++) {
        assert_int_equal(os_memblock_put_bulk(box->pool, array, numbers[i]), OS_INVALID_PARM);
        expect_moved(box, &before, 0, 0, i, i + 1);
        assert_int_equal(os_memblock_get_bulk(box->pool, array, numbers[i]), OS_ENOMEM);
        expect_moved(box, &before, 0, 0, i + 1, i + 1);
    }
    assert_int_equal(box->n_calls, 0);
    put_many(box, array, 3);
    page_free(array);
}

static void
more_than_are_free_are_refused_unseen(struct box *box)
{
    void *blocks[MANY];
    void **array = page_end();

    get_many(box, blocks, MANY);
    for (uint32_t n = BOX_BLOCKS - MANY + 1; n <= BOX_BLOCKS; n++) {
        assert_int_equal(os_memblock_get_bulk(box->pool, array, n), OS_ENOMEM);
    }
    put_many(box, blocks, MANY);
    page_free(array);
}

static void
a_long_array_may_lie_in_a_block(void **state)
{
    enum { BLOCKS = 1000, BYTES = 16384 };
    void *buffer = malloc(OS_MEMPOOL_BYTES(BLOCKS, BYTES));
    struct os_mempool pool;

    assert_non_null(buffer);
    assert_int_equal(os_mempool_init(&pool, BLOCKS, BYTES, buffer, "long"), OS_OK);
    for (uint32_t n = 100; n <= BLOCKS; n += 75) {
        void **array = os_memblock_get(&pool);

        assert_int_equal(os_memblock_get_bulk(&pool, &array[1], n - 1), OS_OK);
        array[0] = array;
        assert_int_equal(os_memblock_put_bulk(&pool, array, n), OS_OK);
        assert_true(os_mempool_is_sane(&pool));
        assert_int_equal(pool.mp_num_free, BLOCKS);
    }
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    free(buffer);
}

/* No memory is mapped for the process while the limit is 0. */
static os_error_t
without_memory(os_error_t (*call)(struct os_mempool *, void **), struct os_mempool *mp,
               void **array)
{
    struct rlimit before, none;
    os_error_t error;

    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    errno = EAGAIN;
    error = call(mp, array);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(errno, EAGAIN);
    return error;
}

enum { LONG = 200 };

static os_error_t
get_long(struct os_mempool *mp, void **array)
{
    return os_memblock_get_bulk(mp, array, LONG);
}

static os_error_t
put_long(struct os_mempool *mp, void **array)
{
    return os_memblock_put_bulk(mp, array, LONG);
}

static void
without_memory_for_a_copy_nothing_is_done(void **state)
{
    enum { BYTES = LONG * sizeof(void *) };
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(LONG + 1, BYTES)];
    struct os_mempool pool;
    void **array;

    assert_int_equal(os_mempool_init(&pool, LONG + 1, BYTES, buffer, "long"), OS_OK);
    array = os_memblock_get(&pool);
    if (!free_blocks_are_hidden()) {
        assert_int_equal(without_memory(get_long, &pool, array), OS_ENOMEM);
        assert_int_equal(pool.mp_num_free, LONG);
        assert_int_equal(get_long(&pool, array), OS_OK);
        assert_int_equal(without_memory(put_long, &pool, array), OS_ENOMEM);
        assert_int_equal(pool.mp_num_free, 0);
        assert_int_equal(put_long(&pool, array), OS_OK);
    }
    assert_int_equal(os_memblock_put(&pool, array), OS_OK);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

static void
an_empty_pool_gives_and_takes_none(void **state)
{
    struct os_mempool pool;
    void *blocks[1] = {state};

    assert_int_equal(os_mempool_init(&pool, 0, 64, NULL, "empty"), OS_OK);
    assert_int_equal(os_mempool_cache_enable(&pool, 8), OS_OK);
    assert_int_equal(os_memblock_get_bulk(&pool, blocks, 1), OS_ENOMEM);
    assert_int_equal(os_memblock_put_bulk(&pool, blocks, 1), OS_INVALID_PARM);
    assert_int_equal(os_memblock_get_bulk(&pool, blocks, 0), OS_OK);
    assert_int_equal(stats_of(&pool).failed, 1);
    assert_int_equal(stats_of(&pool).refused, 1);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

static void
a_pool_never_initialised_gives_and_takes_none(void **state)
{
    struct os_mempool pool;
    void *blocks[1] = {state};

    memset(&pool, 0, sizeof(pool));
    for (unsigned i = 0; i < BOX_WARM; i++) {
        assert_int_equal(os_memblock_get_bulk(&pool, blocks, 1), OS_ENOMEM);
        assert_int_equal(os_memblock_put_bulk(&pool, blocks, 1), OS_INVALID_PARM);
    }
    assert_null(pool.osmp_owner);
}

/* The first value that is not OS_OK comes back, and the rest go all the same. */
static void
each_block_of_an_extended_pool_goes_through_the_callback(void **state)
{
    const enum box_kind kinds[] = {BOX_EXTENDED, BOX_EXTENDED_CACHED};

    for (unsigned i = 0; i < LENGTH(kinds); i++) {
        struct box *box = box_make(kinds[i]);
        void *blocks[MANY];

        get_many(box, blocks, MANY);
        box->cb_keeps = blocks[MIDDLE];
        box->cb_returns = OS_TIMEOUT;
        assert_int_equal(os_memblock_put_bulk(box->pool, blocks, MANY), OS_TIMEOUT);
        assert_int_equal(box->n_calls, MANY);
        assert_int_equal(stats_of(box->pool).num_free, BOX_BLOCKS - 1);
        assert_int_equal(stats_of(box->pool).refused, 0);
        box->cb_keeps = NULL;
        put_many(box, &blocks[MIDDLE], 1);
        box_end(box);
    }
}

/* Beyond the promise of "not found beforehand": the second one is refused on its own. */
static void
a_twin_in_an_extended_pool_is_put_once(void **state)
{
    struct box *box = box_make(BOX_EXTENDED);
    void *blocks[3];

    get_many(box, blocks, 2);
    blocks[2] = blocks[0];
    assert_int_equal(os_memblock_put_bulk(box->pool, blocks, 3), OS_INVALID_PARM);
    assert_int_equal(box->n_calls, 2);
    assert_int_equal(stats_of(box->pool).num_free, BOX_BLOCKS);
    box_end(box);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOX_EVERY(all_that_were_got_are_different_blocks_of_the_pool),
        BOX_EVERY(counters_tell_how_many_went_and_came),
        BOX_EVERY(every_byte_of_every_block_is_the_callers),
        BOX_EVERY(more_than_are_free_are_not_got),
        BOX_EVERY(none_is_fine_and_nothing_is_not),
        BOX_EVERY(a_block_that_is_none_of_the_pools_stops_them_all),
        BOX_EVERY(a_block_that_is_free_stops_them_all),
        BOX_EVERY(a_block_that_stands_twice_stops_them_all),
        BOX_EVERY(what_was_refused_can_be_put_one_by_one),
        BOX_EVERY(blocks_whose_data_looks_like_their_mark_are_put),
        BOX_EVERY(single_and_bulk_calls_mix),
        BOX_EVERY(low_water_is_what_the_bulk_left),
        BOX_EVERY(an_array_may_lie_in_any_of_its_blocks),
        BOX_EVERY(an_array_may_lie_across_its_blocks),
        BOX_EVERY(an_array_in_a_block_that_is_refused_leaves_all_blocks_out),
        BOX_EVERY(an_array_in_a_block_is_filled_in),
        BOX_EVERY(all_blocks_are_got_into_an_array_in_the_first_of_them),
        BOX_EVERY(more_than_the_pool_has_are_refused_unseen),
        BOX_EVERY(more_than_are_free_are_refused_unseen),
        cmocka_unit_test(a_long_array_may_lie_in_a_block),
        cmocka_unit_test(without_memory_for_a_copy_nothing_is_done),
        cmocka_unit_test(an_empty_pool_gives_and_takes_none),
        cmocka_unit_test(a_pool_never_initialised_gives_and_takes_none),
        cmocka_unit_test(each_block_of_an_extended_pool_goes_through_the_callback),
        cmocka_unit_test(a_twin_in_an_extended_pool_is_put_once),
    };

    return cmocka_run_group_tests_name("bulk", tests, NULL, NULL);
}
