/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cache.c: thread caches: how they are switched, what is counted, that no block is stranded in
 * one, and that misuse is refused across them. Where caches are not to be had (no membarrier,
 * Valgrind, sanitizers) all of it must hold too, but for what says that a cache has blocks.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/box.h"
#include "common/fixture.h"

enum { GUESTS = 4, BLOCKS = 256, DEPTH = 32, CHURN = 10000, CHURN_AT_ONCE = 4 };

/* A pool of any measure with its buffer. */
struct vat {
    struct os_mempool pool;
    char *buffer;
};

/* On the heap: a test that fails leaves its pool registered. */
static struct vat *
vat_open(uint32_t blocks, uint32_t size)
{
    struct vat *vat = malloc(sizeof(*vat));

    assert_non_null(vat);
    vat->buffer = malloc(OS_MEMPOOL_BYTES(blocks, size) + 1);
    assert_non_null(vat->buffer);
    assert_int_equal(os_mempool_init(&vat->pool, blocks, size, vat->buffer, "vat"), OS_OK);
    return vat;
}

static void
vat_close(struct vat *vat)
{
    stats_of(&vat->pool);
    assert_int_equal(os_mempool_cache_disable(&vat->pool), OS_OK);
    pool_expect_whole(&vat->pool);
    assert_int_equal(os_mempool_unregister(&vat->pool), OS_OK);
    pool_expect_whole(&vat->pool);
    free(vat->buffer);
    free(vat);
}

static uint32_t
num_cached(const struct vat *vat)
{
    return stats_of(&vat->pool).num_cached;
}

static void
depths_out_of_range_are_refused(void **state)
{
    struct vat *vat;

    vat = vat_open(BLOCKS, 64);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, 0), OS_INVALID_PARM);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, 65537), OS_INVALID_PARM);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, UINT32_MAX), OS_INVALID_PARM);
    assert_int_equal(os_mempool_cache_enable(NULL, 8), OS_INVALID_PARM);
    assert_int_equal(os_mempool_cache_disable(NULL), OS_INVALID_PARM);
    use_alone(&vat->pool, BOX_WARM);
    assert_int_equal(num_cached(vat), 0);
    vat_close(vat);
}

static void
pools_that_are_not_registered_are_refused(void **state)
{
    struct os_mempool unknown;

    memset(&unknown, 0xa5, sizeof(unknown));
    assert_int_equal(os_mempool_cache_enable(&unknown, 8), OS_INVALID_PARM);
    assert_int_equal(os_mempool_cache_disable(&unknown), OS_INVALID_PARM);
}

static void
any_depth_in_range_works(void **state)
{
    const uint32_t depths[] = {1, 2, 3, DEPTH, BLOCKS - 1, BLOCKS, BLOCKS + 1, 65536, 2, 1};
    struct vat *vat;

    vat = vat_open(BLOCKS, 64);
    for (unsigned i = 0; i < LENGTH(depths); i++) {
        uint32_t most = depths[i] < BLOCKS ? depths[i] : BLOCKS;

        assert_int_equal(os_mempool_cache_enable(&vat->pool, depths[i]), OS_OK);
        for (unsigned round = 0; round < 3; round++) {
            assert_int_equal(use_alone(&vat->pool, BOX_WARM), 0);
            assert_true(num_cached(vat) <= most);
            /* One of depth 1 is empty after a put that found it full. */
            assert_true(depths[i] == 1 || num_cached(vat) > 0 || !caches_are_had());
            assert_int_equal(take_all(&vat->pool), BLOCKS);
        }
    }
    vat_close(vat);
}

static void
enabling_again_with_the_same_depth_keeps_the_caches(void **state)
{
    struct vat *vat;
    uint32_t n;

    vat = vat_open(BLOCKS, 64);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, DEPTH), OS_OK);
    use_alone(&vat->pool, BOX_WARM);
    n = num_cached(vat);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, DEPTH), OS_OK);
    assert_int_equal(num_cached(vat), n);
    assert_int_equal(os_mempool_cache_disable(&vat->pool), OS_OK);
    assert_int_equal(num_cached(vat), 0);
    assert_int_equal(os_mempool_cache_disable(&vat->pool), OS_OK);
    vat_close(vat);
}

/* One-word blocks have no room for a key, an empty pool has nothing to cache. */
static void
pools_that_cannot_be_cached_stay_plain(void **state)
{
    const uint32_t measures[][2] = {{BLOCKS, OS_ALIGNMENT}, {BLOCKS, 1}, {0, 64}};

    for (unsigned i = 0; i < LENGTH(measures); i++) {
        struct vat *vat;

        vat = vat_open(measures[i][0], measures[i][1]);
        assert_int_equal(os_mempool_cache_enable(&vat->pool, DEPTH), OS_OK);
        use_alone(&vat->pool, BOX_WARM);
        assert_int_equal(num_cached(vat), 0);
        assert_int_equal(take_all(&vat->pool), measures[i][0]);
        vat_close(vat);
    }
}

static void
a_cached_pool_has_no_owner_and_a_plain_one_again_has(void **state)
{
    bool owned = ownership_is_had();
    struct vat *vat;

    vat = vat_open(BLOCKS, 64);
    use_alone(&vat->pool, BOX_WARM);
    assert_int_equal(vat->pool.osmp_owner != NULL, owned);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, DEPTH), OS_OK);
    use_alone(&vat->pool, BOX_WARM);
    assert_true(vat->pool.osmp_owner == NULL || !caches_are_had());
    assert_int_equal(os_mempool_cache_disable(&vat->pool), OS_OK);
    use_alone(&vat->pool, BOX_WARM);
    assert_int_equal(vat->pool.osmp_owner != NULL, owned);
    vat_close(vat);
}

/* num_free counts cached blocks as free, mp_num_free does not, min_free takes them for used. */
static void
free_blocks_are_those_on_the_list_and_in_caches(void **state)
{
    struct os_mempool_stats st;
    struct vat *vat;
    void *out;

    vat = vat_open(BLOCKS, 64);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, DEPTH), OS_OK);
    use_alone(&vat->pool, BOX_WARM);
    out = os_memblock_get(&vat->pool);
    st = stats_of(&vat->pool);
    assert_int_equal(st.num_free, BLOCKS - 1);
    assert_int_equal(st.num_cached + vat->pool.mp_num_free, st.num_free);
    assert_int_equal(st.gets, BOX_WARM + 1);
    assert_int_equal(st.puts, BOX_WARM);
    assert_true(st.min_free >= BLOCKS - 1 - DEPTH && st.min_free <= BLOCKS - 1);
    assert_int_equal(os_memblock_put(&vat->pool, out), OS_OK);
    vat_close(vat);
}

static void
counters_survive_switching(void **state)
{
    struct os_mempool_stats st;
    struct vat *vat;
    void *out;

    vat = vat_open(BLOCKS, 64);
    out = os_memblock_get(&vat->pool);
    for (unsigned i = 1; i <= 10; i++) {
        assert_int_equal(os_mempool_cache_enable(&vat->pool, i), OS_OK);
        use_alone(&vat->pool, BOX_WARM);
        st = stats_of(&vat->pool);
        assert_int_equal(st.gets, (2 * i - 1) * BOX_WARM + 1);
        assert_int_equal(st.puts, (2 * i - 1) * BOX_WARM);
        assert_int_equal(os_mempool_cache_disable(&vat->pool), OS_OK);
        use_alone(&vat->pool, BOX_WARM);
        st = stats_of(&vat->pool);
        assert_int_equal(st.gets, 2 * i * BOX_WARM + 1);
        assert_int_equal(st.puts, 2 * i * BOX_WARM);
        assert_int_equal(st.num_free, BLOCKS - 1);
    }
    assert_int_equal(os_memblock_put(&vat->pool, out), OS_OK);
    vat_close(vat);
}

struct guests;

struct guest {
    struct guests *guests;
    unsigned number;
};

/* Threads that fill their caches, then wait. */
struct guests {
    struct vat *vat;
    pthread_barrier_t full;
    pthread_barrier_t done;
    pthread_t threads[GUESTS];
    struct guest each[GUESTS];
    void *last[GUESTS]; /* a block that each has in its cache, it being the last that it put */
};

static void *
fill_a_cache(void *arg)
{
    struct guest *guest = arg;
    struct guests *guests = guest->guests;
    struct os_mempool *mp = &guests->vat->pool;
    void *blocks[DEPTH];

    for (unsigned i = 0; i < 4; i++) {
        use_alone(mp, BOX_WARM);
    }
    pthread_barrier_wait(&guests->full);
    for (unsigned i = 0; i < DEPTH; i++) {
        blocks[i] = os_memblock_get(mp);
    }
    for (unsigned i = DEPTH; i > 0; i--) {
        os_memblock_put(mp, blocks[i - 1]);
    }
    guests->last[guest->number] = blocks[0];
    pthread_barrier_wait(&guests->full);
    pthread_barrier_wait(&guests->done);
    return NULL;
}

static struct guests *
guests_come(uint32_t size)
{
    struct guests *guests = calloc(1, sizeof(*guests));

    assert_non_null(guests);
    guests->vat = vat_open(BLOCKS, size);
    assert_int_equal(os_mempool_cache_enable(&guests->vat->pool, DEPTH), OS_OK);
    pthread_barrier_init(&guests->full, NULL, GUESTS + 1);
    pthread_barrier_init(&guests->done, NULL, GUESTS + 1);
    for (unsigned i = 0; i < GUESTS; i++) {
        guests->each[i] = (struct guest){guests, i};
        assert_int_equal(pthread_create(&guests->threads[i], NULL, fill_a_cache, &guests->each[i]),
                         0);
    }
    pthread_barrier_wait(&guests->full);
    pthread_barrier_wait(&guests->full);
    return guests;
}

static void
guests_go(struct guests *guests)
{
    pthread_barrier_wait(&guests->done);
    for (unsigned i = 0; i < GUESTS; i++) {
        assert_int_equal(pthread_join(guests->threads[i], NULL), 0);
    }
    pthread_barrier_destroy(&guests->full);
    pthread_barrier_destroy(&guests->done);
    vat_close(guests->vat);
    free(guests);
}

static bool
gets_all(void *arg)
{
    struct guests *guests = arg;

    return take_all(&guests->vat->pool) == BLOCKS && os_mempool_is_sane(&guests->vat->pool);
}

/* The child does not have the threads whose caches held them. */
static bool
child_has_all(void *arg)
{
    struct guests *guests = arg;
    struct os_mempool_stats st;
    struct os_mempool *mp = &guests->vat->pool;

    return os_mempool_stats_get(mp, &st, sizeof(st)) == OS_OK && st.num_free == BLOCKS &&
           st.gets == st.puts && st.gets == (uint64_t)GUESTS * (4 * BOX_WARM + DEPTH) &&
           gets_all(arg) && use_alone(mp, BOX_WARM) == 0 && gets_all(arg) &&
           os_mempool_clear(mp) == OS_OK && gets_all(arg);
}

static void
one_thread_gets_what_idle_threads_have_in_caches(void **state)
{
    struct guests *guests;

    guests = guests_come(64);
    assert_true(num_cached(guests->vat) > (GUESTS - 1) * DEPTH / 2 || !caches_are_had());
    assert_true(true_in_child(child_has_all, guests));
    assert_true(gets_all(guests));
    guests_go(guests);
}

static void
a_bulk_get_takes_what_idle_threads_have_in_caches(void **state)
{
    struct guests *guests;
    void *blocks[BLOCKS];

    guests = guests_come(64);
    assert_int_equal(os_memblock_get_bulk(&guests->vat->pool, blocks, BLOCKS), OS_OK);
    assert_null(os_memblock_get(&guests->vat->pool));
    assert_int_equal(num_cached(guests->vat), 0);
    assert_int_equal(os_memblock_put_bulk(&guests->vat->pool, blocks, BLOCKS), OS_OK);
    guests_go(guests);
}

/* In any cache, by any call, wherever in a large block its key lies. */
static void
a_block_in_another_threads_cache_is_not_put_again(void **state)
{
    const uint32_t sizes[] = {16, 64, 255, 256, 300, 512, 1024, 2048, 5000};

    for (unsigned i = 0; i < LENGTH(sizes); i++) {
        struct guests *guests = guests_come(sizes[i]);
        struct os_mempool *mp = &guests->vat->pool;
        uint64_t refused = 0;

        for (unsigned j = 0; j < GUESTS; j++) {
            void *twins[2] = {guests->last[j], guests->last[j]};

            assert_int_equal(os_memblock_put(mp, guests->last[j]), OS_INVALID_PARM);
            assert_int_equal(os_memblock_put_from_cb(mp, guests->last[j]), OS_INVALID_PARM);
            assert_int_equal(os_memblock_put_bulk(mp, twins, 1), OS_INVALID_PARM);
            assert_int_equal(os_memblock_put_bulk(mp, twins, 2), OS_INVALID_PARM);
            refused += 4;
        }
        assert_int_equal(stats_of(mp).refused, refused);
        assert_true(os_mempool_is_sane(mp));
        guests_go(guests);
    }
}

static void
a_block_in_the_own_cache_is_not_put_again(void **state)
{
    const uint32_t sizes[] = {16, 64, 255, 256, 300, 512, 1024, 2048, 5000};

    for (unsigned i = 0; i < LENGTH(sizes); i++) {
        void *blocks[DEPTH];
        struct vat *vat;

        vat = vat_open(BLOCKS, sizes[i]);
        assert_int_equal(os_mempool_cache_enable(&vat->pool, DEPTH), OS_OK);
        use_alone(&vat->pool, BOX_WARM);
        assert_int_equal(os_memblock_get_bulk(&vat->pool, blocks, DEPTH), OS_OK);
        for (unsigned j = 0; j < DEPTH; j++) {
            memset(blocks[j], 0xff, sizes[i]);
            assert_int_equal(os_memblock_put(&vat->pool, blocks[j]), OS_OK);
            for (unsigned k = 0; k <= j; k++) {
                assert_int_equal(os_memblock_put(&vat->pool, blocks[k]), OS_INVALID_PARM);
                assert_int_equal(os_memblock_put_bulk(&vat->pool, &blocks[k], 1), OS_INVALID_PARM);
            }
        }
        assert_int_equal(stats_of(&vat->pool).num_free, BLOCKS);
        vat_close(vat);
    }
}

/* Marks move between the first line of a block and the line of its own. */
static void
double_puts_are_refused_after_each_switch(void **state)
{
    const uint32_t sizes[] = {64, 256, 300, 2048};

    for (unsigned i = 0; i < LENGTH(sizes); i++) {
        struct vat *vat;
        void **all;

        vat = vat_open(BLOCKS, sizes[i]);
        for (unsigned round = 0; round < 6; round++) {
            all = pool_get_all(&vat->pool);
            for (unsigned j = 0; j < BLOCKS; j++) {
                memset(all[j], (int)j, sizes[i]);
            }
            assert_int_equal(os_memblock_put_bulk(&vat->pool, all, BLOCKS / 2), OS_OK);
            assert_int_equal(round % 2 == 0 ? os_mempool_cache_enable(&vat->pool, DEPTH)
                                            : os_mempool_cache_disable(&vat->pool),
                             OS_OK);
            assert_true(os_mempool_is_sane(&vat->pool));
            for (unsigned j = 0; j < BLOCKS; j++) {
                assert_int_equal(os_memblock_put(&vat->pool, all[j]),
                                 j < BLOCKS / 2 ? OS_INVALID_PARM : OS_OK);
                assert_int_equal(os_memblock_put(&vat->pool, all[j]), OS_INVALID_PARM);
            }
            free(all);
            use_alone(&vat->pool, 1000);
        }
        vat_close(vat);
    }
}

static void
what_tends_the_pool_sees_full_caches(void **state)
{
    struct guests *guests = guests_come(64);
    struct os_mempool *mp = &guests->vat->pool;
    void *out;

    assert_true(os_mempool_is_sane(mp));
    out = os_memblock_get(mp);
    assert_true(os_mempool_is_sane(mp));
    assert_int_equal(os_mempool_min_reset(mp), OS_OK);
    assert_int_equal(stats_of(mp).min_free, mp->mp_num_free);
    assert_int_equal(os_mempool_clear(mp), OS_OK);
    assert_int_equal(mp->mp_num_free, BLOCKS);
    assert_int_equal(mp->mp_min_free, BLOCKS);
    assert_int_equal(os_memblock_put(mp, out), OS_INVALID_PARM);
    assert_true(gets_all(guests));
    guests_go(guests);
}

/* In the order of a new pool, as after clear of a plain one. */
static void
clear_gives_blocks_in_ascending_order(void **state)
{
    struct guests *guests = guests_come(64);
    struct os_mempool *mp = &guests->vat->pool;
    void **all;

    assert_int_equal(os_mempool_clear(mp), OS_OK);
    assert_int_equal(os_mempool_cache_disable(mp), OS_OK);
    all = pool_get_all(mp);
    for (unsigned i = 0; i < BLOCKS; i++) {
        assert_ptr_equal(all[i], guests->vat->buffer + (size_t)i * 64);
    }
    pool_put_all(mp, all);
    guests_go(guests);
}

static void
disabling_and_unregistering_bring_all_blocks_back(void **state)
{
    for (unsigned round = 0; round < 2; round++) {
        struct guests *guests = guests_come(512);
        struct os_mempool *mp = &guests->vat->pool;

        if (round == 0) {
            assert_int_equal(os_mempool_cache_disable(mp), OS_OK);
            assert_int_equal(mp->mp_num_free, BLOCKS);
        } else {
            assert_int_equal(os_mempool_unregister(mp), OS_OK);
            assert_int_equal(mp->mp_num_free, BLOCKS);
            pool_expect_whole(mp);
            assert_int_equal(
                os_mempool_init(mp, BLOCKS, 512, guests->vat->buffer, "registered again"), OS_OK);
        }
        pool_expect_whole(mp);
        guests_go(guests);
    }
}

static void *
use_a_little(void *pool)
{
    return (void *)(uintptr_t)use_alone(pool, 600);
}

static void
threads_that_ended_take_no_block_along(void **state)
{
    unsigned n = rounds_of(CHURN, 200);
    struct vat *vat;

    vat = vat_open(BLOCKS, 64);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, DEPTH), OS_OK);
    for (unsigned i = 0; i < n; i += CHURN_AT_ONCE) {
        pthread_t threads[CHURN_AT_ONCE];

        for (unsigned j = 0; j < CHURN_AT_ONCE; j++) {
            assert_int_equal(pthread_create(&threads[j], NULL, use_a_little, &vat->pool), 0);
        }
        for (unsigned j = 0; j < CHURN_AT_ONCE; j++) {
            void *failures;

            assert_int_equal(pthread_join(threads[j], &failures), 0);
            assert_null(failures);
        }
    }
    assert_int_equal(vat->pool.mp_num_free, BLOCKS);
    assert_int_equal(stats_of(&vat->pool).gets, n * 600);
    vat_close(vat);
}

/* A bulk larger than the cache goes by the list. */
static void
bulks_of_any_size_pass_a_cache(void **state)
{
    void *blocks[BLOCKS];
    struct vat *vat;

    vat = vat_open(BLOCKS, 64);
    assert_int_equal(os_mempool_cache_enable(&vat->pool, DEPTH), OS_OK);
    use_alone(&vat->pool, BOX_WARM);
    for (unsigned round = 0; round < 20; round++) {
        for (uint32_t n = 1; n <= BLOCKS; n += 5) {
            assert_int_equal(os_memblock_get_bulk(&vat->pool, blocks, n), OS_OK);
            assert_int_equal(stats_of(&vat->pool).num_free, BLOCKS - n);
            assert_int_equal(os_memblock_put_bulk(&vat->pool, blocks, n), OS_OK);
            assert_true(num_cached(vat) <= DEPTH);
        }
    }
    vat_close(vat);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depths_out_of_range_are_refused),
        cmocka_unit_test(pools_that_are_not_registered_are_refused),
        cmocka_unit_test(any_depth_in_range_works),
        cmocka_unit_test(enabling_again_with_the_same_depth_keeps_the_caches),
        cmocka_unit_test(pools_that_cannot_be_cached_stay_plain),
        cmocka_unit_test(a_cached_pool_has_no_owner_and_a_plain_one_again_has),
        cmocka_unit_test(free_blocks_are_those_on_the_list_and_in_caches),
        cmocka_unit_test(counters_survive_switching),
        cmocka_unit_test(one_thread_gets_what_idle_threads_have_in_caches),
        cmocka_unit_test(a_bulk_get_takes_what_idle_threads_have_in_caches),
        cmocka_unit_test(a_block_in_another_threads_cache_is_not_put_again),
        cmocka_unit_test(a_block_in_the_own_cache_is_not_put_again),
        cmocka_unit_test(double_puts_are_refused_after_each_switch),
        cmocka_unit_test(what_tends_the_pool_sees_full_caches),
        cmocka_unit_test(clear_gives_blocks_in_ascending_order),
        cmocka_unit_test(disabling_and_unregistering_bring_all_blocks_back),
        cmocka_unit_test(threads_that_ended_take_no_block_along),
        cmocka_unit_test(bulks_of_any_size_pass_a_cache),
    };

    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
