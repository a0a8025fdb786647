/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_list_min.c: pools whose caches OSMEMPOOL_CACHE asks for. mp_num_free is at least the lesser
 * of the free blocks and a quarter of all, in each state that threads can bring a pool into; they
 * take turns here, so that what is free is known. Other pools are as they ever were.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "common/box.h"
#include "layout/cache.h"

/* What main() puts into the environment: the last rule that matches a pool counts. */
static const char variable[] = "16;0:none*;8:none_but_*;64:deep*;1:flat*";

enum { BLOCKS = 64, QUARTER = 16, HALF = 32, SIZE = 40, BLOCKS_MAX = 256, ACTORS = 3 };

struct walk {
    struct os_mempool pool;
    void *buffer;
    uint32_t blocks;
    uint32_t quarter; /* rounded up */
    void *out[BLOCKS_MAX];
    uint32_t n_out;
    uint64_t random;
    const char *wrong; /* the first thing that was; threads cannot assert */
    unsigned opened, claimed, stopped_at_quarter;
};

static struct cache_set *
set_of(const struct walk *walk)
{
    return pool_tail_const(&walk->pool)->caches;
}

static uint32_t
n_open(const struct walk *walk)
{
    return set_of(walk) != NULL ? set_of(walk)->n_open : 0;
}

static void
walk_begin(struct walk *walk, const char *name, uint32_t blocks)
{
    *walk = (struct walk){.blocks = blocks, .quarter = (blocks + 3) / 4, .random = 1};
    walk->buffer = malloc(OS_MEMPOOL_BYTES(blocks, SIZE));
    assert_non_null(walk->buffer);
    assert_int_equal(os_mempool_init(&walk->pool, blocks, SIZE, walk->buffer, name), OS_OK);
}

static void
expect(struct walk *walk, bool holds, const char *what)
{
    if (!holds && walk->wrong == NULL) {
        walk->wrong = what;
    }
}

/* The rule, and why it holds: pool/cache.h. */
static void
look(struct walk *walk)
{
    uint32_t on_list = walk->pool.mp_num_free;
    uint32_t num_free = walk->blocks - walk->n_out;

    expect(walk, on_list >= (num_free < walk->quarter ? num_free : walk->quarter),
           "the list has less than the lesser of the free blocks and a quarter");
    if (n_open(walk) > 0) {
        expect(walk, on_list >= walk->quarter, "open, with less than a quarter on the list");
    } else {
        expect(walk, on_list == num_free, "closed, with free blocks that are not on the list");
    }
}

static void
get(struct walk *walk)
{
    void *block = os_memblock_get(&walk->pool);

    expect(walk, (block != NULL) == (walk->n_out < walk->blocks), "a get's answer is wrong");
    if (block != NULL) {
        walk->out[walk->n_out++] = block;
    }
    look(walk);
}

static void
get_bulk(struct walk *walk, uint32_t n)
{
    os_error_t wanted = n <= walk->blocks - walk->n_out ? OS_OK : OS_ENOMEM;
    os_error_t error = os_memblock_get_bulk(&walk->pool, &walk->out[walk->n_out], n);

    expect(walk, error == wanted, "a bulk get's answer is wrong");
    walk->n_out += error == OS_OK ? n : 0;
    look(walk);
}

/* The blocks from number i on, of those that are out. */
static void
put_bulk(struct walk *walk, uint32_t i, uint32_t n)
{
    expect(walk, os_memblock_put_bulk(&walk->pool, &walk->out[i], n) == OS_OK, "a bulk put fails");
    walk->n_out -= n;
    memmove(&walk->out[i], &walk->out[i + n], (walk->n_out - i) * sizeof(walk->out[0]));
    look(walk);
}

static void
put(struct walk *walk, uint32_t i)
{
    expect(walk, os_memblock_put(&walk->pool, walk->out[i]) == OS_OK, "a put fails");
    walk->out[i] = walk->out[--walk->n_out];
    look(walk);
}

static void
get_many(struct walk *walk, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        get(walk);
    }
}

static void
put_all(struct walk *walk)
{
    while (walk->n_out > 0) {
        put(walk, walk->n_out - 1);
    }
}

static void
walk_end(struct walk *walk)
{
    put_all(walk);
    if (walk->wrong != NULL) {
        fail_msg("%s, of %u blocks, depth %u: %s", walk->pool.name, walk->blocks,
                 set_of(walk) != NULL ? set_of(walk)->depth : 0, walk->wrong);
    }
    assert_int_equal(take_all(&walk->pool), walk->blocks);
    assert_true(os_mempool_is_sane(&walk->pool));
    assert_int_equal(os_mempool_unregister(&walk->pool), OS_OK);
    free(walk->buffer);
}

/* Lets the next operation under the lock open its thread's cache, if it may. */
static void
hasten(struct walk *walk)
{
    if (set_of(walk) != NULL) {
        set_of(walk)->run = set_of(walk)->run_needed;
    }
}

/* The calling thread's cache is open, and has at least n blocks. */
static void
open_with(struct walk *walk, uint32_t n)
{
    for (unsigned i = 0; i < 100 && (n_open(walk) == 0 || stats_of(&walk->pool).num_cached < n);
         i++) {
        hasten(walk);
        get_many(walk, 4);
        put_all(walk);
    }
    expect(walk, n_open(walk) > 0, "no cache opens");
}

/* A thread that does something when it is its turn. */
struct actor {
    pthread_t thread;
    sem_t may_act;
    sem_t has_acted;
    void (*act)(struct walk *walk);
    struct walk *walk;
};

static void *
actor_run(void *arg)
{
    struct actor *actor = arg;

    for (;;) {
        while (sem_wait(&actor->may_act) != 0) {
        }
        if (actor->act == NULL) {
            return NULL;
        }
        actor->act(actor->walk);
        sem_post(&actor->has_acted);
    }
}

static void
actor_begin(struct actor *actor, struct walk *walk)
{
    actor->walk = walk;
    assert_int_equal(sem_init(&actor->may_act, 0, 0), 0);
    assert_int_equal(sem_init(&actor->has_acted, 0, 0), 0);
    assert_int_equal(pthread_create(&actor->thread, NULL, actor_run, actor), 0);
}

static void
actor_act(struct actor *actor, void (*act)(struct walk *walk))
{
    actor->act = act;
    sem_post(&actor->may_act);
    while (sem_wait(&actor->has_acted) != 0) {
    }
}

static void
actor_end(struct actor *actor)
{
    actor->act = NULL;
    sem_post(&actor->may_act);
    assert_int_equal(pthread_join(actor->thread, NULL), 0);
    sem_destroy(&actor->may_act);
    sem_destroy(&actor->has_acted);
}

static uint32_t
depth_of(const char *name, uint32_t blocks)
{
    struct walk walk;
    uint32_t depth;

    walk_begin(&walk, name, blocks);
    depth = cache_depth(&walk.pool);
    walk_end(&walk);
    return depth;
}

static void
the_last_rule_that_matches_counts_and_0_exempts(void **state)
{
    const bool had = caches_are_had();

    assert_int_equal(depth_of("any", BLOCKS), had ? 16 : 0);
    assert_int_equal(depth_of("none", BLOCKS), 0);
    assert_int_equal(depth_of("none_at_all", BLOCKS), 0);
    assert_int_equal(depth_of("none_but_this", BLOCKS), had ? 8 : 0);
}

static void
pools_under_64_blocks_get_no_caches_unasked(void **state)
{
    struct walk walk;

    assert_int_equal(depth_of("any", 63), 0);
    assert_int_equal(depth_of("any", 0), 0);
    assert_int_equal(depth_of("any", 64), caches_are_had() ? 16 : 0);
    walk_begin(&walk, "asked", 63);
    assert_int_equal(os_mempool_cache_enable(&walk.pool, 16), OS_OK);
    assert_int_equal(cache_depth(&walk.pool), caches_are_had() ? 16 : 0);
    walk_end(&walk);
}

static void
one_thread_that_takes_all_sees_each_of_the_last_quarter_go(void **state)
{
    struct walk walk;

    walk_begin(&walk, "deep", BLOCKS);
    open_with(&walk, 1);
    get_many(&walk, BLOCKS - QUARTER);
    assert_int_equal(walk.pool.mp_num_free, QUARTER);
    assert_int_equal(n_open(&walk), 1);
    for (uint32_t left = QUARTER; left > 0; left--) {
        get(&walk);
        assert_int_equal(walk.pool.mp_num_free, left - 1);
        assert_int_equal(n_open(&walk), 0);
    }
    assert_null(os_memblock_get(&walk.pool));
    walk_end(&walk);
}

static void
fill_own_cache(struct walk *walk)
{
    open_with(walk, 8);
}

/* Another thread's cache is open with blocks in it, and the caller has none. */
static void
walk_begin_cached_elsewhere(struct walk *walk, struct actor *other)
{
    walk_begin(walk, "elsewhere", BLOCKS);
    actor_begin(other, walk);
    actor_act(other, fill_own_cache);
    set_of(walk)->run = 0;
    set_of(walk)->run_needed = UINT32_MAX;
    assert_int_equal(n_open(walk), 1);
}

static void
a_get_past_the_caches_claims_them_before_it_takes_of_the_quarter(void **state)
{
    struct walk walk;
    struct actor other;

    walk_begin_cached_elsewhere(&walk, &other);
    get_many(&walk, walk.pool.mp_num_free - QUARTER);
    assert_int_equal(n_open(&walk), 1);
    assert_int_equal(walk.pool.mp_num_free, QUARTER);
    get(&walk);
    assert_int_equal(n_open(&walk), 0);
    assert_int_equal(walk.pool.mp_num_free, BLOCKS - walk.n_out);
    actor_end(&other);
    walk_end(&walk);
}

static void
a_bulk_get_past_the_caches_claims_them_before_it_takes_of_the_quarter(void **state)
{
    struct walk walk;
    struct actor other;

    walk_begin_cached_elsewhere(&walk, &other);
    get_bulk(&walk, walk.pool.mp_num_free - QUARTER - 4);
    assert_int_equal(n_open(&walk), 1);
    get_bulk(&walk, 5);
    assert_int_equal(n_open(&walk), 0);
    assert_int_equal(walk.pool.mp_num_free, BLOCKS - walk.n_out);
    actor_end(&other);
    walk_end(&walk);
}

/* What the own cache holds counts: it need not come from the list. */
static void
a_bulk_get_through_the_own_cache_takes_no_more_than_can_be_spared(void **state)
{
    struct walk walk;
    uint32_t cached;

    walk_begin(&walk, "any", BLOCKS);
    open_with(&walk, 8);
    cached = stats_of(&walk.pool).num_cached;
    get_bulk(&walk, walk.pool.mp_num_free + cached - QUARTER);
    assert_int_equal(n_open(&walk), 1);
    assert_int_equal(walk.pool.mp_num_free, QUARTER);
    get_bulk(&walk, 1);
    assert_int_equal(n_open(&walk), 0);
    walk_end(&walk);
}

static void
none_opens_under_a_half(void **state)
{
    struct walk walk;

    walk_begin(&walk, "any", BLOCKS);
    get_bulk(&walk, BLOCKS - HALF + 1);
    for (unsigned i = 0; i < 10; i++) {
        hasten(&walk);
        get(&walk);
        put(&walk, 0);
        assert_int_equal(n_open(&walk), 0);
    }
    put(&walk, 0);
    hasten(&walk);
    get(&walk);
    assert_int_equal(n_open(&walk), 1);
    walk_end(&walk);
}

static void
none_opens_for_a_bulk_get_that_takes_of_the_quarter(void **state)
{
    struct walk walk;

    walk_begin(&walk, "any", BLOCKS);
    hasten(&walk);
    get_bulk(&walk, BLOCKS - QUARTER + 1);
    assert_int_equal(n_open(&walk), 0);
    put_all(&walk);
    hasten(&walk);
    get_bulk(&walk, BLOCKS - QUARTER);
    assert_int_equal(n_open(&walk), 1);
    walk_end(&walk);
}

/* What the program itself asks for keeps nothing on the list. */
static void
a_call_of_cache_enable_lifts_the_rule(void **state)
{
    struct walk walk;
    uint32_t least = BLOCKS;

    walk_begin(&walk, "deep", BLOCKS);
    assert_int_equal(set_of(&walk)->list_min, QUARTER);
    assert_int_equal(os_mempool_cache_enable(&walk.pool, 64), OS_OK);
    assert_int_equal(set_of(&walk)->list_min, 0);
    hasten(&walk);
    for (uint32_t i = 0; i < QUARTER; i++) {
        walk.out[walk.n_out++] = os_memblock_get(&walk.pool);
        least = walk.pool.mp_num_free < least ? walk.pool.mp_num_free : least;
    }
    assert_int_equal(n_open(&walk), 1);
    while (walk.n_out < BLOCKS - QUARTER) {
        walk.out[walk.n_out++] = os_memblock_get(&walk.pool);
        least = walk.pool.mp_num_free < least ? walk.pool.mp_num_free : least;
    }
    assert_true(least < QUARTER);
    walk.wrong = NULL;
    assert_int_equal(os_mempool_cache_disable(&walk.pool), OS_OK);
    walk_end(&walk);
}

/* Runs between the freeze and the fork: handlers run in reverse order of registration. */
static struct walk *walk_to_drain;

static void
drain_in_fork_handler(void)
{
    if (walk_to_drain != NULL) {
        get_many(walk_to_drain, walk_to_drain->blocks - 3);
    }
}

__attribute__((constructor(101))) static void
register_before_the_library(void)
{
    pthread_atfork(drain_in_fork_handler, NULL, NULL);
}

static bool
child_sees_the_list(void *arg)
{
    look(arg);
    return ((struct walk *)arg)->wrong == NULL;
}

/*
 * Static, as ThreadSanitizer knows a lock by its address: in the handler it is taken with the list
 * of threads locked, and in other tests, where no freeze keeps the two apart, the other way round.
 */
static void
a_thaw_does_not_open_what_a_fork_handler_has_drained(void **state)
{
    static struct walk walk;

    walk_begin(&walk, "any", BLOCKS);
    open_with(&walk, 4);
    assert_true(true_in_child(child_sees_the_list, &walk));
    look(&walk);
    assert_int_equal(n_open(&walk), 1);
    walk_to_drain = &walk;
    assert_true(true_in_child(child_sees_the_list, &walk));
    walk_to_drain = NULL;
    look(&walk);
    assert_int_equal(walk.pool.mp_num_free, 3);
    assert_int_equal(n_open(&walk), 0);
    walk_end(&walk);
}

/* A write after put breaks the list's first link. */
static void
a_damaged_list_is_made_anew_with_what_caches_hold(void **state)
{
    struct walk walk;
    struct actor other;
    uint32_t cached;

    walk_begin_cached_elsewhere(&walk, &other);
    assert_non_null(os_memblock_get(&walk.pool));
    cached = stats_of(&walk.pool).num_cached;
    *(uintptr_t *)(void *)walk.pool.slh_first = 1;
    assert_non_null(os_memblock_get(&walk.pool));
    look(&walk);
    assert_true(walk.pool.mp_num_free >= cached);
    actor_end(&other);
    assert_int_equal(os_mempool_clear(&walk.pool), OS_OK);
    walk_end(&walk);
}

static uint32_t
below(struct walk *walk, uint32_t n)
{
    return (uint32_t)((random_next(&walk->random) >> 32) % n);
}

static void
call_rarely(struct walk *walk)
{
    switch (below(walk, 4)) {
    case 0:
        expect(walk, os_mempool_is_sane(&walk->pool), "the pool is not sane");
        break;
    case 1:
        expect(walk, os_mempool_clear(&walk->pool) == OS_OK, "clear fails");
        walk->n_out = 0;
        break;
    case 2:
        expect(walk, os_mempool_min_reset(&walk->pool) == OS_OK, "min_reset fails");
        break;
    default:
        /* One put twice: the caches are paused. */
        if (walk->n_out > 0) {
            void *block = walk->out[walk->n_out - 1];

            put(walk, walk->n_out - 1);
            expect(walk, os_memblock_put(&walk->pool, block) == OS_INVALID_PARM, "a double put");
        }
    }
    look(walk);
}

static void
call_once(struct walk *walk, uint32_t gets_of_16)
{
    uint32_t what = below(walk, 100);

    if (what == 0 && below(walk, 8) == 0) {
        call_rarely(walk);
    } else if (what < 8) {
        get_bulk(walk, below(walk, 40));
    } else if (what < 16 && walk->n_out > 0) {
        uint32_t i = below(walk, walk->n_out);

        put_bulk(walk, i, below(walk, walk->n_out - i + 1));
    } else if (walk->n_out > 0 && below(walk, 16) >= gets_of_16) {
        put(walk, below(walk, walk->n_out));
    } else {
        get(walk);
    }
}

/* Some calls of one thread, after each of which the rule holds. */
static void
make_some_calls(struct walk *walk)
{
    uint32_t gets_of_16 = 5 + below(walk, 7);

    for (uint32_t n = below(walk, 60); n > 0 && walk->wrong == NULL; n--) {
        uint32_t before = n_open(walk);
        uint32_t on_list = walk->pool.mp_num_free;

        hasten(walk);
        call_once(walk, gets_of_16);
        walk->opened += n_open(walk) > before;
        walk->claimed += n_open(walk) == 0 && before > 0;
        walk->stopped_at_quarter += n_open(walk) > 0 && walk->pool.mp_num_free == walk->quarter;
        expect(walk, n_open(walk) <= before || on_list >= walk->blocks - walk->blocks / 2,
               "a cache opened under a half");
    }
}

static void
walk_at_random(const char *name, uint32_t blocks, uint64_t seed)
{
    struct walk walk;
    struct actor actors[ACTORS];

    walk_begin(&walk, name, blocks);
    walk.random = seed;
    for (unsigned i = 0; i < ACTORS; i++) {
        actor_begin(&actors[i], &walk);
    }
    for (unsigned turn = 0; turn < 4000 && walk.wrong == NULL; turn++) {
        actor_act(&actors[below(&walk, ACTORS)], make_some_calls);
    }
    for (unsigned i = 0; i < ACTORS; i++) {
        actor_end(&actors[i]);
    }
    assert_true(walk.wrong != NULL || (walk.opened > 10 && walk.claimed > 10));
    assert_true(walk.wrong != NULL || walk.stopped_at_quarter > 10);
    walk_end(&walk);
}

static void
it_holds_after_each_of_many_calls_of_threads_in_turn(void **state)
{
    const uint32_t blocks[] = {64, 65, 66, 67, 128, 255};
    const char *names[] = {"any", "deep", "flat"};

    for (unsigned i = 0; i < LENGTH(blocks); i++) {
        for (unsigned k = 0; k < LENGTH(names); k++) {
            walk_at_random(names[k], blocks[i], random_seed(0x9e3779b9u + i * 3 + k));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_rule_that_matches_counts_and_0_exempts),
        cmocka_unit_test(pools_under_64_blocks_get_no_caches_unasked),
        cmocka_unit_test(one_thread_that_takes_all_sees_each_of_the_last_quarter_go),
        cmocka_unit_test(a_get_past_the_caches_claims_them_before_it_takes_of_the_quarter),
        cmocka_unit_test(a_bulk_get_past_the_caches_claims_them_before_it_takes_of_the_quarter),
        cmocka_unit_test(a_bulk_get_through_the_own_cache_takes_no_more_than_can_be_spared),
        cmocka_unit_test(none_opens_under_a_half),
        cmocka_unit_test(none_opens_for_a_bulk_get_that_takes_of_the_quarter),
        cmocka_unit_test(a_call_of_cache_enable_lifts_the_rule),
        cmocka_unit_test(a_thaw_does_not_open_what_a_fork_handler_has_drained),
        cmocka_unit_test(a_damaged_list_is_made_anew_with_what_caches_hold),
        cmocka_unit_test(it_holds_after_each_of_many_calls_of_threads_in_turn),
    };

    setenv("OSMEMPOOL_CACHE", variable, 1);
    return check_run("list_min", tests, 2, caches_are_had());
}
