/* SPDX-License-Identifier: Apache-2.0 */
/* test_cache_table.c: each thread finds its own cache, whoever else has one. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/box.h"
#include "layout/tail.h"
#include "pool/cache_table.h"

enum { ALIVE = 60, ROUNDS = 20, SHORT_ROUNDS = 5, DEPTH = 4, CHURN = 10000 };

static pthread_barrier_t together;
static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned
caches_in(const struct cache_set *set)
{
    unsigned n = 0;

    for (const struct cache *cache = set->all; cache != NULL; cache = cache->next) {
        n++;
    }
    return n;
}

static struct cache_set *
new_set(uint32_t depth)
{
    struct cache_set *set = cache_table_new_set();

    assert_non_null(set);
    set->depth = depth;
    return set;
}

/* As the pool does when a thread ends. */
static void
leave_cache(struct cache *cache)
{
    thread_unhold(cache->thread);
    cache_table_set_thread(cache, NULL);
}

/* Makes a cache, finds it again once everybody has one, and leaves it; NULL if all was right. */
static void *
own_find_and_leave(void *arg)
{
    struct cache_set *set = arg;
    struct cache *cache;
    bool right;

    right = cache_table_find(set) == NULL;
    pthread_mutex_lock(&pool_lock);
    cache = cache_table_own(set, thread_get());
    pthread_mutex_unlock(&pool_lock);
    pthread_barrier_wait(&together);
    right = right && cache != NULL && cache_table_find(set) == cache && cache->depth == DEPTH &&
            cache->blocks != NULL && cache->counts == 0 && cache->open_tp == 0;
    pthread_barrier_wait(&together);
    pthread_mutex_lock(&pool_lock);
    right = right && cache_table_own(set, thread_get()) == cache;
    leave_cache(cache);
    right = right && cache_table_find(set) == NULL;
    pthread_mutex_unlock(&pool_lock);
    pthread_barrier_wait(&together);
    return right ? NULL : set;
}

static void
round_of_threads(struct cache_set *set)
{
    pthread_t threads[ALIVE];
    void *wrong;

    assert_int_equal(pthread_barrier_init(&together, NULL, ALIVE), 0);
    for (unsigned i = 0; i < ALIVE; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, own_find_and_leave, set), 0);
    }
    for (unsigned i = 0; i < ALIVE; i++) {
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    pthread_barrier_destroy(&together);
}

static void
there_are_never_more_caches_than_threads_at_once(void **state)
{
    struct cache_set *set = new_set(DEPTH);
    unsigned n_rounds = rounds_of(ROUNDS, SHORT_ROUNDS);

    for (unsigned round = 0; round < n_rounds; round++) {
        round_of_threads(set);
        assert_int_equal(caches_in(set), ALIVE);
    }
    cache_table_free_set(set);
}

/* Number of slots of all tables. */
static size_t
slots_in(const struct cache_set *set)
{
    size_t n = 0;

    for (const struct cache_table *table = set->table; table != NULL; table = table->smaller) {
        n += (size_t)1 << table->bits;
    }
    return n;
}

/* The slots of threads that ended are filled again. */
static void
tables_do_not_grow_with_threads_that_come_and_go(void **state)
{
    struct cache_set *set = new_set(DEPTH);
    unsigned n_rounds = rounds_of(ROUNDS, SHORT_ROUNDS);

    for (unsigned round = 0; round < n_rounds; round++) {
        round_of_threads(set);
    }
    assert_in_range(slots_in(set), 1, 64 + 512);
    cache_table_free_set(set);
}

/* Places caches of threads that do not exist, their thread pointers a distance apart; how many have
 * a slot. */
static unsigned
place(struct cache_set *set, struct cache *caches, unsigned n, uintptr_t first, uintptr_t distance)
{
    unsigned placed = 0;

    for (unsigned i = 0; i < n; i++) {
        caches[i].tp = first + i * distance;
        placed += cache_table_place(set, &caches[i]);
    }
    return placed;
}

static struct cache *
new_caches(unsigned n)
{
    struct cache *caches = aligned_alloc(_Alignof(struct cache), n * sizeof(*caches));

    assert_non_null(caches);
    memset(caches, 0, n * sizeof(*caches));
    return caches;
}

/* Stacks of whatever size, each with a page as a guard; of 7,260 KiB was one of the worst. */
static void
no_size_of_stacks_is_unlucky(void **state)
{
    enum { THREADS = 256, KIB_MAX = 32768 };
    struct cache *caches = new_caches(THREADS);
    unsigned step = rounds_of(4, 484);

    for (uintptr_t kib = 16; kib <= KIB_MAX; kib += step) {
        struct cache_set *set = new_set(DEPTH);

        assert_int_equal(place(set, caches, THREADS, (uintptr_t)0x7f0000000640, (kib + 4) * 1024),
                         THREADS);
        assert_in_range(slots_in(set), THREADS, 64 + 512 + 4096);
        cache_table_free_set(set);
    }
    free(caches);
}

/* More threads than the largest table has slots: some go without, and that is all. */
static void
tables_have_a_bound(void **state)
{
    enum { THREADS = 150000 };
    struct cache *caches = new_caches(THREADS);
    struct cache_set *set = new_set(DEPTH);

    assert_in_range(place(set, caches, THREADS, 0x10000640, 4096), 32768, THREADS - 1);
    assert_int_equal(slots_in(set), 64 + 512 + 4096 + 32768);
    cache_table_free_set(set);
    free(caches);
}

static void
a_cache_is_found_in_whatever_table_it_is(void **state)
{
    enum { THREADS = 2000 };
    struct cache *caches = new_caches(THREADS);

    for (unsigned n = 0; n <= THREADS; n += 100) {
        struct cache_set *set = new_set(DEPTH);
        struct cache *own;

        assert_int_equal(place(set, caches, n, 0x10000640, 8192), n);
        assert_null(cache_table_find(set));
        own = cache_table_own(set, thread_get());
        assert_non_null(own);
        assert_ptr_equal(cache_table_find(set), own);
        leave_cache(own);
        assert_null(cache_table_find(set));
        cache_table_free_set(set);
    }
    free(caches);
}

static void
a_new_depth_is_a_new_array(void **state)
{
    struct cache_set *set = new_set(DEPTH);
    struct cache *cache = cache_table_own(set, thread_get());
    const uint32_t depths[] = {1, 1000, 3, 65536, DEPTH};

    assert_non_null(cache);
    for (unsigned i = 0; i < LENGTH(depths); i++) {
        set->depth = depths[i];
        assert_ptr_equal(cache_table_own(set, thread_get()), cache);
        assert_int_equal(cache->depth, depths[i]);
        for (uint32_t j = 0; j < depths[i]; j++) {
            cache->blocks[j] = cache;
        }
    }
    leave_cache(cache);
    cache_table_free_set(set);
}

/* The home is found without a look at the table; another's cache there leads to it. */
static void
a_cache_is_found_at_home_or_beside(void **state)
{
    const uintptr_t tp = osmp_thread_pointer();
    struct cache_set *set = new_set(DEPTH);
    struct cache *cache = cache_table_own(set, thread_get());
    struct cache **home = &set->homes[cache_table_home_index(tp)];

    assert_ptr_equal(cache_table_home(set, tp), cache);
    assert_null(cache_table_beside(set));
    cache->open_tp = tp;
    assert_ptr_equal(cache_table_beside(set), cache);
    *home = &cache_nobodys;
    assert_ptr_equal(cache_table_home(set, tp), &cache_nobodys);
    assert_ptr_equal(cache_table_beside(set), cache);
    cache->open_tp = 0;
    assert_null(cache_table_beside(set));
    assert_ptr_equal(cache_table_own(set, thread_get()), cache);
    assert_ptr_equal(*home, cache);
    leave_cache(cache);
    cache_table_free_set(set);
}

static void *
find_none(void *set)
{
    return cache_table_find(set);
}

static void
nobody_finds_anothers_cache(void **state)
{
    struct cache_set *set = new_set(DEPTH);
    struct cache *cache = cache_table_own(set, thread_get());
    void *found;
    pthread_t thread;

    for (unsigned i = 0; i < ALIVE; i++) {
        assert_int_equal(pthread_create(&thread, NULL, find_none, set), 0);
        assert_int_equal(pthread_join(thread, &found), 0);
        assert_null(found);
    }
    leave_cache(cache);
    cache_table_free_set(set);
}

/* What a thread had of the library's memory. */
struct visitor {
    struct os_mempool *pool;
    const struct thread *record;
    const struct cache *cache;
    unsigned failures;
};

static void *
use_a_little(void *arg)
{
    struct visitor *visitor = arg;

    visitor->failures = use_alone(visitor->pool, 600);
    visitor->record = thread_get();
    visitor->cache = cache_table_find(pool_tail(visitor->pool)->caches);
    return NULL;
}

/* Notes a thing that is not among those seen before; NULL is none. */
static void
note(const void **seen, unsigned *n, const void *thing)
{
    for (unsigned i = 0; i < *n; i++) {
        if (seen[i] == thing) {
            return;
        }
    }
    if (thing != NULL) {
        assert_true(*n < ALIVE);
        seen[(*n)++] = thing;
    }
}

static void
visit_together(struct visitor *visitors, unsigned n)
{
    pthread_t threads[ALIVE];

    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_a_little, &visitors[i]), 0);
    }
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(visitors[i].failures, 0);
    }
}

/*
 * Through the pool itself: threads that come and go, a few at a time. A thread that was joined has
 * run its destructors, so what it had is the next one's.
 */
static void
ten_thousand_threads_leave_the_memory_of_those_alive_at_once(void **state)
{
    enum { AT_ONCE = 4 };
    unsigned n = rounds_of(CHURN, 200);
    struct box *box = box_make(BOX_CACHED);
    struct cache_set *set = pool_tail(box->pool)->caches;
    const void *records[ALIVE], *caches[ALIVE];
    unsigned n_records = 0, n_caches = 0;

    for (unsigned i = 0; i < n; i += AT_ONCE) {
        struct visitor visitors[AT_ONCE];

        for (unsigned j = 0; j < AT_ONCE; j++) {
            visitors[j] = (struct visitor){.pool = box->pool};
        }
        visit_together(visitors, AT_ONCE);
        for (unsigned j = 0; j < AT_ONCE; j++) {
            note(records, &n_records, visitors[j].record);
            note(caches, &n_caches, visitors[j].cache);
        }
    }
    assert_in_range(n_records, 1, AT_ONCE);
    assert_in_range(n_caches, 1, AT_ONCE);
    /* One is this thread's. */
    assert_in_range(caches_in(set), n_caches, AT_ONCE + 1);
    assert_int_equal(take_all(box->pool), BOX_BLOCKS);
    box_end(box);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_never_more_caches_than_threads_at_once),
        cmocka_unit_test(tables_do_not_grow_with_threads_that_come_and_go),
        cmocka_unit_test(no_size_of_stacks_is_unlucky),
        cmocka_unit_test(tables_have_a_bound),
        cmocka_unit_test(a_cache_is_found_in_whatever_table_it_is),
        cmocka_unit_test(a_new_depth_is_a_new_array),
        cmocka_unit_test(a_cache_is_found_at_home_or_beside),
        cmocka_unit_test(nobody_finds_anothers_cache),
        /* Where caches are opened. */
        cmocka_unit_test(ten_thousand_threads_leave_the_memory_of_those_alive_at_once),
    };

    return check_run("cache_table", tests, 8, caches_are_had());
}
