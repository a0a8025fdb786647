/* SPDX-License-Identifier: Apache-2.0 */
/* test_stats.c: os_mempool_stats_get() and os_mempool_min_reset(). */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/box.h"

enum { OUT = 5 };

static uint64_t
now_us(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The library's clock is a coarse one, a tick of some ms behind. */
static void
expect_just_now(uint64_t time, uint64_t began)
{
    assert_true(time + 50000 >= began);
    assert_true(time <= now_us());
}

static void
a_new_pool_has_counted_nothing(void **state)
{
    struct box *box = box_make(BOX_PLAIN);
    struct os_mempool_stats st = stats_of(box->pool);
    const struct os_mempool_stats wanted = {
        .size = sizeof(st),
        .num_blocks = BOX_BLOCKS,
        .num_free = BOX_BLOCKS,
        .min_free = BOX_BLOCKS,
        .id = st.id,
    };

    assert_memory_equal(&st, &wanted, sizeof(st));
    box_end(box);
}

static void
each_counter_counts_its_own(struct box *box)
{
    struct os_mempool_stats before, after;
    void *blocks[BOX_BLOCKS];

    if (!box_is_registered(box)) {
        return;
    }
    before = stats_of(box->pool);
    for (unsigned i = 0; i < BOX_BLOCKS; i++) {
        blocks[i] = os_memblock_get(box->pool);
    }
    assert_null(os_memblock_get(box->pool));
    assert_null(os_memblock_get(box->pool));
    for (unsigned i = OUT; i < BOX_BLOCKS; i++) {
        assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_OK);
    }
    assert_int_equal(os_memblock_put(box->pool, blocks[OUT]), OS_INVALID_PARM);
    after = stats_of(box->pool);
    assert_int_equal(after.num_free, BOX_BLOCKS - OUT);
    assert_int_equal(after.min_free, 0);
    assert_int_equal(after.gets - before.gets, BOX_BLOCKS);
    assert_int_equal(after.puts - before.puts, BOX_BLOCKS - OUT);
    assert_int_equal(after.failed - before.failed, 2);
    assert_int_equal(after.refused - before.refused, 1);
    assert_int_equal(after.adjust, before.adjust);
    assert_int_equal(os_memblock_put_bulk(box->pool, blocks, OUT), OS_OK);
}

static void
infos_tell_the_same(struct box *box)
{
    struct os_mempool_info info;
    struct os_mempool_stats st;
    void *block;

    if (!box_is_registered(box)) {
        return;
    }
    block = os_memblock_get(box->pool);
    st = stats_of(box->pool);
    assert_ptr_equal(os_mempool_info_get_next(NULL, &info), box->pool);
    assert_int_equal(info.omi_num_free, st.num_free);
    assert_int_equal(info.omi_min_free, st.min_free);
    assert_int_equal(info.omi_num_blocks, st.num_blocks);
    assert_int_equal(st.num_free, BOX_BLOCKS - 1);
    assert_int_equal(os_memblock_put(box->pool, block), OS_OK);
}

static void
clear_gives_up_what_is_out(struct box *box)
{
    struct os_mempool_stats before, after;
    uint64_t began = now_us();
    void *blocks[OUT];

    if (!box_is_registered(box)) {
        return;
    }
    before = stats_of(box->pool);
    assert_int_equal(os_memblock_get_bulk(box->pool, blocks, OUT), OS_OK);
    assert_int_equal(os_mempool_clear(box->pool), OS_OK);
    after = stats_of(box->pool);
    assert_int_equal(after.num_free, BOX_BLOCKS);
    assert_int_equal(after.min_free, BOX_BLOCKS);
    assert_int_equal(after.num_cached, 0);
    assert_int_equal(after.gets - before.gets, OUT);
    assert_int_equal(after.puts, before.puts);
    assert_true(after.adjust == before.adjust - OUT);
    expect_just_now(after.min_time, began);
    assert_int_equal(os_memblock_put(box->pool, blocks[0]), OS_INVALID_PARM);
    assert_true(use_alone(box->pool, BOX_WARM) == 0);
}

/* The mark becomes the number of free blocks outside caches. */
static void
the_low_water_mark_starts_again(struct box *box)
{
    uint64_t began = now_us();
    struct os_mempool_stats st;
    void *block;

    if (!box_is_registered(box)) {
        assert_int_equal(os_mempool_min_reset(box->pool), OS_INVALID_PARM);
        return;
    }
    assert_int_equal(take_all(box->pool), BOX_BLOCKS);
    assert_int_equal(stats_of(box->pool).min_free, 0);
    block = os_memblock_get(box->pool);
    assert_int_equal(os_mempool_min_reset(box->pool), OS_OK);
    st = stats_of(box->pool);
    assert_int_equal(st.num_free, BOX_BLOCKS - 1);
    assert_int_equal(st.min_free, st.num_free - st.num_cached);
    assert_int_equal(st.min_free, box->pool->mp_num_free);
    expect_just_now(st.min_time, began);
    assert_int_equal(os_memblock_put(box->pool, block), OS_OK);
    assert_int_equal(stats_of(box->pool).min_free, st.min_free);
}

static void
times_are_of_the_last_failure_and_the_lowest_mark(struct box *box)
{
    struct timespec a_while = {.tv_nsec = 60000000};
    struct os_mempool_stats st;
    uint64_t began, low;

    if (!box_is_registered(box)) {
        return;
    }
    began = now_us();
    take_all(box->pool);
    st = stats_of(box->pool);
    expect_just_now(st.failed_time, began);
    low = st.min_time;
    nanosleep(&a_while, NULL);
    began = now_us();
    take_all(box->pool);
    st = stats_of(box->pool);
    expect_just_now(st.failed_time, began);
    assert_int_equal(st.min_time, low);
    assert_true(low != 0);
}

static uint64_t
id_of_new(struct os_mempool *mp)
{
    assert_int_equal(os_mempool_init(mp, 0, 8, NULL, "same"), OS_OK);
    return stats_of(mp).id;
}

/* Neither the name nor the address of a pool is enough to tell it by. */
static void
each_registration_has_an_id_of_its_own(void **state)
{
    struct os_mempool_ext mpe;
    struct os_mempool one, two;
    uint64_t first = id_of_new(&one), second = id_of_new(&two), last;

    assert_true(first > 0);
    assert_true(second > first);
    assert_int_equal(stats_of(&one).id, first);
    last = id_of_new(&one);
    assert_true(last > second);
    assert_int_equal(os_mempool_clear(&two), OS_OK);
    assert_int_equal(stats_of(&two).id, second);
    assert_int_equal(os_mempool_unregister(&one), OS_OK);
    assert_int_equal(stats_of(&two).id, second);
    second = id_of_new(&one);
    assert_true(second > last);
    os_mempool_module_init();
    last = id_of_new(&one);
    assert_true(last > second);
    assert_int_equal(os_mempool_ext_init(&mpe, 0, 8, NULL, "same"), OS_OK);
    assert_true(stats_of(&mpe.mpe_mp).id > last);
    assert_int_equal(os_mempool_unregister(&one), OS_OK);
    assert_int_equal(os_mempool_unregister(&two), OS_INVALID_PARM);
    assert_int_equal(os_mempool_unregister(&mpe.mpe_mp), OS_OK);
}

/* A refused init takes none, so what is counted is registrations. */
static void
a_refused_init_leaves_the_id(void **state)
{
    struct os_mempool one, two;
    uint64_t id = id_of_new(&one);

    assert_int_equal(os_mempool_init(&one, 4, 0, NULL, "same"), OS_INVALID_PARM);
    assert_int_equal(stats_of(&one).id, id);
    assert_int_equal(id_of_new(&two), id + 1);
    assert_int_equal(os_mempool_unregister(&one), OS_OK);
    assert_int_equal(os_mempool_unregister(&two), OS_OK);
}

static void
a_forked_child_goes_on_with_its_parents_ids(void **state)
{
    struct os_mempool one, two;
    uint64_t id = id_of_new(&one);
    pid_t child = fork();
    int status;

    if (child == 0) {
        _exit(stats_of(&one).id == id && id_of_new(&two) == id + 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(id_of_new(&two), id + 1);
    assert_int_equal(os_mempool_unregister(&one), OS_OK);
    assert_int_equal(os_mempool_unregister(&two), OS_OK);
}

/* Copies min(st_size, its own size) bytes, and says so in the first member. */
static void
old_and_new_programs_get_what_they_have_room_for(void **state)
{
    enum { ROOM = 2 * sizeof(struct os_mempool_stats) };
    struct box *box = box_make(BOX_OWNED);
    struct os_mempool_stats whole = stats_of(box->pool);
    unsigned char bytes[ROOM];

    for (size_t size = sizeof(whole.size); size <= ROOM; size++) {
        uint32_t told = (uint32_t)(size < sizeof(whole) ? size : sizeof(whole));

        memset(bytes, 0xa5, sizeof(bytes));
        assert_int_equal(os_mempool_stats_get(box->pool, (struct os_mempool_stats *)bytes, size),
                         OS_OK);
        assert_memory_equal(bytes, &told, sizeof(told));
        assert_memory_equal(&bytes[sizeof(told)], (char *)&whole + sizeof(told),
                            told - sizeof(told));
        for (size_t i = told; i < ROOM; i++) {
            assert_int_equal(bytes[i], 0xa5);
        }
    }
    box_end(box);
}

static void
bad_input_is_refused_and_nothing_is_written(void **state)
{
    struct box *box = box_make(BOX_PLAIN);
    struct os_mempool_stats st, before;
    struct os_mempool unknown;

    memset(&st, 0xa5, sizeof(st));
    memset(&unknown, 0xa5, sizeof(unknown));
    before = st;
    assert_int_equal(os_mempool_stats_get(NULL, &st, sizeof(st)), OS_INVALID_PARM);
    assert_int_equal(os_mempool_stats_get(&unknown, &st, sizeof(st)), OS_INVALID_PARM);
    assert_int_equal(os_mempool_stats_get(box->pool, NULL, sizeof(st)), OS_INVALID_PARM);
    for (size_t size = 0; size < 4; size++) {
        assert_int_equal(os_mempool_stats_get(box->pool, &st, size), OS_INVALID_PARM);
    }
    assert_memory_equal(&st, &before, sizeof(st));
    assert_int_equal(os_mempool_min_reset(NULL), OS_INVALID_PARM);
    assert_int_equal(os_mempool_min_reset(&unknown), OS_INVALID_PARM);
    box_end(box);
}

/* Not even looked at: its memory is no more. */
static void
a_pool_that_is_gone_is_refused(void **state)
{
    struct os_mempool *mp =
        mmap(NULL, sizeof(*mp), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct os_mempool_stats st;

    assert_true(mp != MAP_FAILED);
    assert_int_equal(os_mempool_init(mp, 0, 8, NULL, "gone"), OS_OK);
    assert_int_equal(os_mempool_unregister(mp), OS_OK);
    assert_int_equal(munmap(mp, sizeof(*mp)), 0);
    assert_int_equal(os_mempool_stats_get(mp, &st, sizeof(st)), OS_INVALID_PARM);
    assert_int_equal(os_mempool_min_reset(mp), OS_INVALID_PARM);
    assert_int_equal(os_mempool_cache_enable(mp, 8), OS_INVALID_PARM);
    assert_int_equal(os_mempool_cache_disable(mp), OS_INVALID_PARM);
}

/* A reader beside refused bulk calls, which mark blocks and take the marks back. */
struct watched {
    struct os_mempool *pool;
    unsigned gone_back;
    bool stop;
};

static void *
watch_counters(void *arg)
{
    struct watched *watched = arg;
    struct os_mempool_stats old = {0}, st;

    while (!__atomic_load_n(&watched->stop, __ATOMIC_RELAXED)) {
        if (os_mempool_stats_get(watched->pool, &st, sizeof(st)) != OS_OK) {
            watched->gone_back++;
        }
        /* Held up between all of its looks, it has no row. */
        if (st.stale == 0) {
            watched->gone_back += st.gets < old.gets || st.puts < old.puts;
            old = st;
        }
    }
    return NULL;
}

/* No block comes or goes by a call that is refused, and whoever reads meanwhile sees none. */
static void
no_counter_goes_back_while_bulk_calls_are_refused(struct box *box)
{
    struct watched watched = {.pool = box->pool};
    void *blocks[BOX_BLOCKS];
    pthread_t thread;

    if (!box_is_registered(box)) {
        return;
    }
    assert_int_equal(os_memblock_get_bulk(box->pool, blocks, BOX_BLOCKS - 1), OS_OK);
    blocks[BOX_BLOCKS - 1] = box->buffer + 1;
    assert_int_equal(pthread_create(&thread, NULL, watch_counters, &watched), 0);
    for (unsigned i = 0; i < BOX_WARM; i++) {
        if (os_memblock_put_bulk(box->pool, blocks, BOX_BLOCKS) != OS_INVALID_PARM) {
            break;
        }
    }
    __atomic_store_n(&watched.stop, true, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(watched.gone_back, 0);
    assert_int_equal(os_memblock_put_bulk(box->pool, blocks, BOX_BLOCKS - 1), OS_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_pool_has_counted_nothing),
        BOX_EVERY(each_counter_counts_its_own),
        BOX_EVERY(infos_tell_the_same),
        BOX_EVERY(clear_gives_up_what_is_out),
        BOX_EVERY(the_low_water_mark_starts_again),
        BOX_EVERY(times_are_of_the_last_failure_and_the_lowest_mark),
        cmocka_unit_test(each_registration_has_an_id_of_its_own),
        cmocka_unit_test(a_refused_init_leaves_the_id),
        cmocka_unit_test(a_forked_child_goes_on_with_its_parents_ids),
        cmocka_unit_test(old_and_new_programs_get_what_they_have_room_for),
        cmocka_unit_test(bad_input_is_refused_and_nothing_is_written),
        cmocka_unit_test(a_pool_that_is_gone_is_refused),
        BOX_EVERY(no_counter_goes_back_while_bulk_calls_are_refused),
    };

    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
