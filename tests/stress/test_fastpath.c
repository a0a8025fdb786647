/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fastpath.c: ownership and thread caches under everything at once. Workers get, put, and hand
 * blocks to each other; threads come, and go with full caches; meanwhile pools are checked, read,
 * forked, and their caches switched. Each block bears its holder's number in a word that the
 * library does not use: no block is ever in two hands, and in the end, and in each forked child,
 * all that nobody holds can be got.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "osmempool.h"

enum { POOLS = 5, BLOCKS = 96, FEW = 12, SLOTS = 16, HELD_MAX = 20, HOLDER_AT = 16, BURST = 64 };
enum { ALARM_SECONDS = 250, STRANGER = 1000 };

static const struct {
    const char *name;
    uint32_t size;
    uint32_t blocks;
    uint32_t depth; /* 0: plain */
} kinds[POOLS] = {{"plain", 64, BLOCKS, 0},
                  {"cached", 64, BLOCKS, 8},
                  {"deep", 48, BLOCKS, BLOCKS},
                  {"large", 1024, BLOCKS, 16},
                  {"scarce", 64, FEW, 4}};

struct site {
    struct os_mempool pool;
    uint32_t depth;
    void *slots[SLOTS]; /* blocks on their way from hand to hand */
    void *buffer;
};

struct yard {
    struct site sites[POOLS];
    pthread_rwlock_t tidy; /* held for writing by who clears, when it is part of the job */
    bool with_clear;
};

struct held {
    struct site *site;
    void *block;
};

static uint32_t *
holder_of(void *block)
{
    return (uint32_t *)(void *)((char *)block + HOLDER_AT);
}

/* From one hand, or none, to another. Relaxed: the pool or the slot orders all else. */
static bool
change_hands(void *block, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(holder_of(block), &from, to, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

static struct yard *
yard_make(bool with_clear)
{
    struct yard *yard = calloc(1, sizeof(*yard));

    assert_non_null(yard);
    yard->with_clear = with_clear;
    assert_int_equal(pthread_rwlock_init(&yard->tidy, NULL), 0);
    for (unsigned i = 0; i < POOLS; i++) {
        struct site *site = &yard->sites[i];

        site->depth = kinds[i].depth;
        site->buffer = calloc(1, OS_MEMPOOL_BYTES(kinds[i].blocks, kinds[i].size));
        assert_non_null(site->buffer);
        assert_int_equal(os_mempool_init(&site->pool, kinds[i].blocks, kinds[i].size, site->buffer,
                                         kinds[i].name),
                         OS_OK);
        if (site->depth > 0) {
            assert_int_equal(os_mempool_cache_enable(&site->pool, site->depth), OS_OK);
        }
    }
    return yard;
}

/* Puts what lies in the slots. */
static bool
site_empty_slots(struct site *site)
{
    bool right = true;

    for (unsigned i = 0; i < SLOTS; i++) {
        void *block = __atomic_exchange_n(&site->slots[i], NULL, __ATOMIC_ACQUIRE);

        if (block != NULL) {
            right &= change_hands(block, STRANGER, 0);
            right &= os_memblock_put(&site->pool, block) == OS_OK;
        }
    }
    return right;
}

/* All that can be got; how many they are, 0 if one of them is in somebody's hand. */
static unsigned
site_take_all(struct site *site)
{
    void *blocks[BLOCKS];
    unsigned n = 0;
    bool right = true;

    while (n < BLOCKS && (blocks[n] = os_memblock_get(&site->pool)) != NULL) {
        right &= change_hands(blocks[n++], 0, STRANGER);
    }
    for (unsigned i = 0; i < n; i++) {
        right &= change_hands(blocks[i], STRANGER, 0);
        right &= os_memblock_put(&site->pool, blocks[i]) == OS_OK;
    }
    return right ? n : 0;
}

static void
yard_free(struct yard *yard)
{
    for (unsigned i = 0; i < POOLS; i++) {
        struct site *site = &yard->sites[i];

        assert_true(site_empty_slots(site));
        assert_true(os_mempool_is_sane(&site->pool));
        assert_int_equal(site_take_all(site), kinds[i].blocks);
        assert_int_equal(os_mempool_cache_disable(&site->pool), OS_OK);
        assert_int_equal(site->pool.mp_num_free, kinds[i].blocks);
        assert_int_equal(os_mempool_unregister(&site->pool), OS_OK);
        free(site->buffer);
    }
    pthread_rwlock_destroy(&yard->tidy);
    free(yard);
}

static void
put_one(struct crew_worker *worker, const struct held *held)
{
    crew_expect(worker, change_hands(held->block, worker->number, 0));
    crew_expect(worker, os_memblock_put(&held->site->pool, held->block) == OS_OK);
}

/* Into a slot, out of which comes what another thread has left there. */
static void *
hand_over(struct crew_worker *worker, const struct held *held)
{
    void **slot = &held->site->slots[crew_random(worker, SLOTS)];
    void *other;

    crew_expect(worker, change_hands(held->block, worker->number, STRANGER));
    other = __atomic_exchange_n(slot, held->block, __ATOMIC_ACQ_REL);
    if (other != NULL) {
        crew_expect(worker, change_hands(other, STRANGER, worker->number));
    }
    return other;
}

static bool
get_some(struct crew_worker *worker, struct site *site, struct held *held, unsigned n)
{
    void *blocks[HELD_MAX];

    if (n == 1) {
        blocks[0] = os_memblock_get(&site->pool);
    }
    if (n == 1 ? blocks[0] == NULL : os_memblock_get_bulk(&site->pool, blocks, n) != OS_OK) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        crew_expect(worker, change_hands(blocks[i], 0, worker->number));
        held[i] = (struct held){site, blocks[i]};
    }
    return true;
}

static void
swap_last(struct crew_worker *worker, struct held *held, unsigned *n)
{
    void *other = hand_over(worker, &held[*n - 1]);

    if (other != NULL) {
        held[*n - 1].block = other;
    } else {
        (*n)--;
    }
}

static void
put_any(struct crew_worker *worker, struct held *held, unsigned *n)
{
    unsigned i = crew_random(worker, *n);

    put_one(worker, &held[i]);
    held[i] = held[--*n];
}

/* Ends with empty hands. */
static void
burst(struct crew_worker *worker, struct yard *yard)
{
    struct site *site = &yard->sites[crew_random(worker, POOLS)];
    struct held held[HELD_MAX];
    unsigned n = 0;

    for (unsigned i = 0; i < BURST && worker->wrong == NULL; i++) {
        unsigned what = crew_random(worker, 16);
        unsigned want = what < 2 ? 1 + crew_random(worker, 6) : 1;

        if (what < 8 && n + want <= HELD_MAX) {
            n += get_some(worker, site, &held[n], want) ? want : 0;
        } else if (what < 10 && n > 0) {
            swap_last(worker, held, &n);
        } else if (n > 0) {
            put_any(worker, held, &n);
        }
    }
    while (n > 0) {
        put_one(worker, &held[--n]);
    }
}

static void
work(struct crew_worker *worker)
{
    struct yard *yard = worker->job;

    while (crew_goes_on(worker)) {
        unsigned long_run = crew_random(worker, 30) == 0 ? 200 : 1;

        pthread_rwlock_rdlock(&yard->tidy);
        while (long_run-- > 0) {
            burst(worker, yard);
        }
        pthread_rwlock_unlock(&yard->tidy);
        worker->rounds++;
    }
}

/* Ends with full caches: what it got last goes there. */
static void
fill_caches(struct crew_worker *worker, struct yard *yard)
{
    struct held held[HELD_MAX];

    for (unsigned i = 0; i < POOLS; i++) {
        unsigned n = 0;

        while (n < HELD_MAX && get_some(worker, &yard->sites[i], &held[n], 1)) {
            n++;
        }
        while (n > 0) {
            put_one(worker, &held[--n]);
        }
    }
}

static void *
short_life(void *arg)
{
    struct crew_worker *worker = arg;
    struct yard *yard = worker->job;

    pthread_rwlock_rdlock(&yard->tidy);
    for (unsigned i = 0; i < 20; i++) {
        burst(worker, yard);
    }
    fill_caches(worker, yard);
    pthread_rwlock_unlock(&yard->tidy);
    return NULL;
}

/* Its threads use its own number and record, one after another. */
static void
come_and_go(struct crew_worker *worker)
{
    while (crew_goes_on(worker)) {
        pthread_t thread;

        if (!crew_expect(worker, pthread_create(&thread, NULL, short_life, worker) == 0)) {
            return;
        }
        pthread_join(thread, NULL);
        worker->rounds++;
    }
}

static bool
row_is_right(const struct os_mempool_stats *st, const struct os_mempool_stats *old)
{
    return st->num_free <= st->num_blocks && st->min_free <= st->num_free &&
           st->num_cached <= st->num_free && st->gets >= old->gets && st->puts >= old->puts &&
           (int64_t)(st->gets - st->puts) + st->adjust == st->num_blocks - st->num_free &&
           st->refused == 0;
}

static void
read_counters(struct crew_worker *worker)
{
    struct os_mempool_stats old[POOLS] = {{0}}, st;
    struct yard *yard = worker->job;

    while (crew_goes_on(worker)) {
        unsigned i = crew_random(worker, POOLS);

        crew_expect(worker, os_mempool_stats_get(&yard->sites[i].pool, &st, sizeof(st)) == OS_OK);
        /* Held up between all of its looks at a pool in use, a reader has no row. */
        if (st.stale == 0) {
            crew_expect(worker, row_is_right(&st, &old[i]));
            old[i] = st;
        }
        worker->rounds++;
        usleep(200);
    }
}

/* Every pool works in the child; what other threads held stays out, in no hand but theirs. */
static bool
child_is_well(struct yard *yard)
{
    bool well = true;

    alarm(ALARM_SECONDS);
    for (unsigned i = 0; i < POOLS; i++) {
        struct site *site = &yard->sites[i];
        struct os_mempool_stats st;

        well &= os_mempool_stats_get(&site->pool, &st, sizeof(st)) == OS_OK;
        well &= site_take_all(site) == st.num_free && os_mempool_is_sane(&site->pool);
        crew_is_left_behind(site->buffer, OS_MEMPOOL_BYTES(kinds[i].blocks, kinds[i].size));
        memset(site->buffer, 0, OS_MEMPOOL_BYTES(kinds[i].blocks, kinds[i].size));
        well &= os_mempool_clear(&site->pool) == OS_OK;
        well &= site_take_all(site) == kinds[i].blocks;
    }
    return well;
}

static bool
fork_once(struct yard *yard)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(child_is_well(yard) ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void
clear_all(struct crew_worker *worker, struct yard *yard)
{
    pthread_rwlock_wrlock(&yard->tidy);
    for (unsigned i = 0; i < POOLS; i++) {
        crew_expect(worker, site_empty_slots(&yard->sites[i]));
        crew_expect(worker, os_mempool_clear(&yard->sites[i].pool) == OS_OK);
    }
    pthread_rwlock_unlock(&yard->tidy);
}

static void
switch_caches(struct crew_worker *worker, struct site *site)
{
    uint32_t depth = 1 + crew_random(worker, site->pool.mp_num_blocks);

    if (site->depth == 0) {
        return;
    }
    if (crew_random(worker, 3) == 0) {
        crew_expect(worker, os_mempool_cache_disable(&site->pool) == OS_OK);
        usleep(crew_random(worker, 3000));
    }
    crew_expect(worker, os_mempool_cache_enable(&site->pool, depth) == OS_OK);
}

static void
disturb(struct crew_worker *worker)
{
    struct yard *yard = worker->job;

    while (crew_goes_on(worker)) {
        struct site *site = &yard->sites[crew_random(worker, POOLS)];

        usleep(crew_random(worker, 3000));
        switch (crew_random(worker, 5)) {
        case 0:
            crew_expect(worker, os_mempool_is_sane(&site->pool));
            break;
        case 1:
            crew_expect(worker, os_mempool_min_reset(&site->pool) == OS_OK);
            break;
        case 2:
            switch_caches(worker, site);
            break;
        case 3:
            crew_expect(worker, fork_once(yard));
            break;
        default:
            if (yard->with_clear) {
                clear_all(worker, yard);
            }
        }
        worker->rounds++;
    }
}

static void
any_of_them(struct crew_worker *worker)
{
    static crew_work_fn *const works[] = {disturb, read_counters, come_and_go, work, work, work};

    works[(worker->number - 1) % 6](worker);
}

static void
run(bool with_clear)
{
    struct yard *yard = yard_make(with_clear);
    struct crew crew;

    crew_begin(&crew, 6, any_of_them, yard);
    crew_stop_after(&crew, crew_scale(500, 5000, 60000));
    crew_join(&crew);
    yard_free(yard);
}

static void
no_block_is_in_two_hands_lost_or_stranded(void **state)
{
    run(false);
}

static void
nor_when_pools_are_cleared_meanwhile(void **state)
{
    run(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_block_is_in_two_hands_lost_or_stranded),
        cmocka_unit_test(nor_when_pools_are_cleared_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
