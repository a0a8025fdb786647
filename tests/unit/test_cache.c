/* SPDX-License-Identifier: Apache-2.0 */
/* test_cache.c: who needs the pool's lock and who does not, whichever lock; a child's caches. */
#include <unistd.h>

#include "base/arena.h"
#include "common/box.h"
#include "layout/cache.h"
#include "layout/counts.h"
#include "layout/tail.h"
#include "pool/cache_path.h"
#include "pool/enter.h"

enum { MANY = 1000000, ALARM_SECONDS = 250 };

struct worker {
    struct os_mempool *pool;
    unsigned failures;
    bool warm;
    bool locked;
    bool done;
    bool may_end;
};

static void
tell(bool *fact)
{
    __atomic_store_n(fact, true, __ATOMIC_RELEASE);
}

static bool
is_told(const bool *fact)
{
    return __atomic_load_n(fact, __ATOMIC_ACQUIRE);
}

static void
wait_for(const bool *fact)
{
    while (!is_told(fact)) {
        usleep(100);
    }
}

/* Does not end before the lock is free, as its end takes the registry's mutex, and then that. */
static void *
work_while_locked(void *arg)
{
    struct worker *worker = arg;

    worker->failures = use_alone(worker->pool, BOX_WARM);
    tell(&worker->warm);
    wait_for(&worker->locked);
    worker->failures += use_alone(worker->pool, MANY);
    tell(&worker->done);
    wait_for(&worker->may_end);
    return NULL;
}

/*
 * A thread makes a million pairs while this one holds the pool's lock, so it takes it not once; an
 * alarm ends a program that hangs. Counters are read without that lock, too. The fewest cached
 * blocks that they showed meanwhile; but for rows without a free block, which a reader may see that
 * was off its core between adding up the puts and the gets.
 */
static uint32_t
million_pairs_while_locked(struct os_mempool *mp)
{
    struct lock *lock = &pool_tail(mp)->lock;
    struct worker worker = {.pool = mp};
    uint32_t fewest = UINT32_MAX;
    pthread_t thread;

    alarm(ALARM_SECONDS);
    assert_int_equal(pthread_create(&thread, NULL, work_while_locked, &worker), 0);
    wait_for(&worker.warm);
    lock_take(lock);
    tell(&worker.locked);
    do {
        struct pool_counts now;

        counts_read(mp, &now);
        if (now.num_free > 0 && now.num_cached < fewest) {
            fewest = now.num_cached;
        }
    } while (!is_told(&worker.done));
    lock_give(lock);
    tell(&worker.may_end);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(worker.failures, 0);
    alarm(0);
    return fewest;
}

static void
a_warm_cache_needs_no_lock_for_a_million_pairs(void **state)
{
    struct box *box = box_make(BOX_CACHED);

    if (stats_of(box->pool).num_cached > 0) {
        assert_in_range(million_pairs_while_locked(box->pool), 1, BOX_BLOCKS);
    }
    box_end(box);
}

static void
an_owner_needs_no_lock_for_a_million_pairs(void **state)
{
    struct box *box = box_make(BOX_PLAIN);

    if (ownership_is_had()) {
        assert_int_equal(million_pairs_while_locked(box->pool), 0);
    }
    box_end(box);
}

/* To how many threads' caches the pool leads. */
static unsigned
n_near(const struct box *box)
{
    unsigned n = 0;

    for (unsigned i = 0; i < POOL_NEAR; i++) {
        n += pool_tail(box->pool)->near[i].tp != 0;
    }
    return n;
}

/* Whether it leads to the caller's. */
static bool
leads_to_mine(const struct box *box)
{
    const struct pool_near *near = cache_near(box->pool, osmp_thread_pointer());

    return near != NULL && cache_near_cache(near)->tp == osmp_thread_pointer();
}

struct second {
    const struct box *box;
    unsigned failures;
    bool led_to;
};

static void *
work_as_second(void *arg)
{
    struct second *second = arg;

    second->failures = use_alone(second->box->pool, BOX_WARM);
    second->led_to = leads_to_mine(second->box);
    return NULL;
}

static void
a_pool_leads_to_the_caches_of_its_first_threads_while_they_live(void **state)
{
    struct box *box = box_make(BOX_CACHED);
    struct second second = {.box = box};
    pthread_t thread;

    if (caches_are_had()) {
        assert_true(leads_to_mine(box));
        assert_int_equal(pthread_create(&thread, NULL, work_as_second, &second), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(second.failures, 0);
        assert_true(second.led_to);
        assert_int_equal(n_near(box), 1);
        /* The last get finds nothing, and claims all caches. */
        assert_int_equal(take_all(box->pool), BOX_BLOCKS);
        assert_int_equal(n_near(box), 0);
        assert_int_equal(use_alone(box->pool, BOX_WARM), 0);
        assert_true(leads_to_mine(box));
        assert_int_equal(n_near(box), 1);
        assert_int_equal(os_mempool_cache_disable(box->pool), OS_OK);
        assert_int_equal(n_near(box), 0);
        assert_int_equal(os_mempool_cache_enable(box->pool, BOX_DEPTH), OS_OK);
        assert_int_equal(use_alone(box->pool, BOX_WARM), 0);
        assert_true(leads_to_mine(box));
    }
    assert_int_equal(os_mempool_unregister(box->pool), OS_OK);
    box->kind = BOX_UNREGISTERED;
    assert_int_equal(n_near(box), 0);
    assert_int_equal(use_alone(box->pool, BOX_WARM), 0);
    box_end(box);
}

/* A put that finds a cache there looks for no callback. */
static void
an_extended_pool_leads_to_no_cache(void **state)
{
    struct box *box = box_make(BOX_EXTENDED_CACHED);

    assert_true(cache_set_of(box->pool) != NULL || !caches_are_had());
    assert_int_equal(n_near(box), 0);
    box_end(box);
}

static bool
child_has_only_spare_caches(void *arg)
{
    const struct cache_set *set = pool_tail(((struct box *)arg)->pool)->caches;
    bool spare = (set == NULL || set->n_open == 0) && n_near(arg) == 0;

    for (const struct cache *cache = set != NULL ? set->all : NULL; cache; cache = cache->next) {
        spare &= cache->tp == 0 && cache->thread == NULL && cache_held(cache->counts) == 0 &&
                 cache->open_tp == 0;
    }
    return spare;
}

/* A thread of the child may have the thread pointer of one that it lacks, and must not inherit. */
static void
a_forked_childs_caches_are_nobodys(void **state)
{
    const enum box_kind kinds[] = {BOX_CACHED, BOX_CACHED_ELSEWHERE};

    for (unsigned i = 0; i < LENGTH(kinds); i++) {
        struct box *box = box_make(kinds[i]);

        assert_true(true_in_child(child_has_only_spare_caches, box));
        box_end(box);
    }
}

/* Number of pointers that the depot holds, 0 where there are no caches. */
static uint32_t
in_depot(const struct box *box)
{
    const struct cache_set *set = pool_tail(box->pool)->caches;

    return set != NULL ? set->depot_n : 0;
}

/* A full cache gives batches to the depot, and an empty one takes them from there. */
static void
the_depots_blocks_are_free_and_found_by_all(void **state)
{
    struct box *box = box_make(BOX_CACHED);
    void *blocks[3 * BOX_DEPTH];

    for (unsigned i = 0; i < LENGTH(blocks); i++) {
        blocks[i] = os_memblock_get(box->pool);
    }
    for (unsigned i = 0; i < LENGTH(blocks); i++) {
        assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_OK);
    }
    assert_true(in_depot(box) > 0 || !caches_are_had());
    assert_int_equal(stats_of(box->pool).num_free, BOX_BLOCKS);
    for (unsigned i = 0; i < LENGTH(blocks); i++) {
        assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_INVALID_PARM);
    }
    assert_int_equal(in_depot(box), 0);
    assert_int_equal(take_all(box->pool), BOX_BLOCKS);
    assert_int_equal(os_memblock_get_bulk(box->pool, blocks, LENGTH(blocks)), OS_OK);
    assert_int_equal(os_memblock_put_bulk(box->pool, blocks, LENGTH(blocks)), OS_OK);
    assert_true(os_mempool_is_sane(box->pool));
    box_end(box);
}

/* As if there had been no memory for it. A sanitizer sees a copy from or to a depot that is none.
 */
static void
caches_work_without_a_depot(void **state)
{
    struct box *box = box_make(BOX_CACHED);
    struct cache_set *set = pool_tail(box->pool)->caches;
    void *blocks[3 * BOX_DEPTH];

    if (caches_are_had()) {
        assert_true(os_mempool_is_sane(box->pool));
        assert_int_equal(set->depot_n, 0);
        arena_free(set->depot, set->depot_room * sizeof(*set->depot));
        set->depot = NULL;
        set->depot_room = 0;
    }
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < LENGTH(blocks); i++) {
            blocks[i] = os_memblock_get(box->pool);
        }
        assert_int_equal(in_depot(box), 0);
        assert_int_equal(os_memblock_put_bulk(box->pool, blocks, BOX_DEPTH), OS_OK);
        for (unsigned i = BOX_DEPTH; i < LENGTH(blocks); i++) {
            assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_OK);
        }
        assert_int_equal(in_depot(box), 0);
    }
    assert_int_equal(take_all(box->pool), BOX_BLOCKS);
    box_end(box);
}

/* A cache's gets move to a wider counter before they wrap. */
static void
a_cache_counts_beyond_32_bits(void **state)
{
    struct box *box = box_make(BOX_CACHED);
    struct cache_set *set = pool_tail(box->pool)->caches;
    uint64_t gets = stats_of(box->pool).gets;

    if (caches_are_had()) {
        uint64_t skipped = UINT32_MAX - counts_gets(set->all->counts);

        set->all->counts += skipped << 32;
        assert_int_equal(stats_of(box->pool).gets, gets + skipped);
        assert_int_equal(use_alone(box->pool, 1000), 0);
        assert_int_equal(stats_of(box->pool).gets, gets + skipped + 1000);
        assert_int_equal(stats_of(box->pool).puts, gets + skipped + 1000);
    }
    box_end(box);
}

static bool
has_all_blocks(void *mp)
{
    return take_all(mp) == BOX_BLOCKS && os_mempool_is_sane(mp) && use_alone(mp, BOX_WARM) == 0 &&
           take_all(mp) == BOX_BLOCKS;
}

/* All caches of a pool, if there are any, look as if their threads were inside. */
static void
set_busy(struct os_mempool *mp, const struct os_mempool *busy)
{
    struct cache_set *set = pool_tail(mp)->caches;

    for (struct cache *cache = set != NULL ? set->all : NULL; cache != NULL; cache = cache->next) {
        cache->busy = busy;
    }
}

/* Nothing stops the threads of a dropped pool at a fork, and the child has none of them. */
static void
a_child_does_not_wait_for_threads_in_a_dropped_pool(void **state)
{
    struct box *box = box_make(BOX_DROPPED_CACHED_ELSEWHERE);

    set_busy(box->pool, box->pool);
    assert_true(true_in_child(has_all_blocks, box->pool));
    set_busy(box->pool, NULL);
    box_end(box);
}

/* The cache's thread is not the one that has the record of its former thread by now. */
static void
an_end_leaves_the_cache_of_another_thread_pointer(void **state)
{
    struct box *box = box_make(BOX_CACHED_ELSEWHERE);
    struct cache_set *set = pool_tail(box->pool)->caches;
    struct cache *cache = set != NULL ? set->all : NULL;
    struct thread *thread, *mine = thread_get();

    if (cache == NULL || mine == NULL) {
        box_end(box);
        return;
    }
    thread = cache->thread;
    pool_lock(box->pool);
    cache->thread = mine;
    cache_forget_thread(box->pool, mine);
    assert_true(cache_is_open(cache));
    assert_int_equal(set->n_open, 1);
    cache->thread = thread;
    pool_unlock(box->pool);
    box_end(box);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_cache_needs_no_lock_for_a_million_pairs),
        cmocka_unit_test(an_owner_needs_no_lock_for_a_million_pairs),
        cmocka_unit_test(a_pool_leads_to_the_caches_of_its_first_threads_while_they_live),
        cmocka_unit_test(an_extended_pool_leads_to_no_cache),
        cmocka_unit_test(a_forked_childs_caches_are_nobodys),
        cmocka_unit_test(the_depots_blocks_are_free_and_found_by_all),
        cmocka_unit_test(caches_work_without_a_depot),
        cmocka_unit_test(a_cache_counts_beyond_32_bits),
        cmocka_unit_test(a_child_does_not_wait_for_threads_in_a_dropped_pool),
        cmocka_unit_test(an_end_leaves_the_cache_of_another_thread_pointer),
    };

    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
