/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_blocks.c: no block ever has two owners, and the counters are exact.
 *
 * Every block has an owner word outside the pool, changed by compare-and-swap: 0 while the block is
 * free, a worker's number while that worker has it, ON_THE_WAY while it lies in a slot between two
 * workers. A block that the pool gives out twice, or takes back and loses, fails a swap. While a
 * worker has a block, all its bytes are the worker's, and are looked at before it is given away.
 *
 * Another worker reads all counters meanwhile, without the pools' locks.
 */
#include <stdlib.h>
#include <string.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "os/os_mempool.h"
#include "registry/registry.h"

enum { HELD_MAX = 12, SLOTS = 8, BLOCKS_MAX = 512, READER = 1 };
static const uint32_t ON_THE_WAY = UINT32_MAX;

/* Where workers leave blocks for each other. */
struct slot {
    pthread_mutex_t mutex;
    void *block;
};

struct depot {
    struct os_mempool_ext ext;
    struct os_mempool *pool;
    void *buffer;
    size_t stride;
    bool ample; /* more blocks than all workers and slots can hold: get must not fail */
    uint32_t owners[BLOCKS_MAX];
    struct slot slots[SLOTS];
    uint64_t gets;
    uint64_t puts;
    uint64_t failed;
    uint64_t callbacks;
};

struct holding {
    struct depot *depot;
    struct crew_worker *worker;
    void *blocks[HELD_MAX];
    unsigned n;
    uint64_t gets;
    uint64_t puts;
    uint64_t failed;
};

struct kind {
    uint32_t n_blocks;
    uint32_t block_size;
    bool extended;
};

static os_error_t
count_and_release(struct os_mempool_ext *ext, void *block, void *arg)
{
    uint64_t *callbacks = arg;

    /* Relaxed: read after the threads were joined. */
    __atomic_fetch_add(callbacks, 1, __ATOMIC_RELAXED);
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static struct depot *
depot_make(const struct kind *kind, unsigned n_threads)
{
    struct depot *depot = calloc(1, sizeof(*depot));
    os_error_t error;

    assert_non_null(depot);
    assert_true(kind->n_blocks <= BLOCKS_MAX);
    depot->pool = &depot->ext.mpe_mp;
    depot->buffer = malloc(OS_MEMPOOL_BYTES(kind->n_blocks, kind->block_size));
    depot->stride = OS_MEMPOOL_BYTES(1, kind->block_size);
    depot->ample = kind->n_blocks > n_threads * HELD_MAX + SLOTS;
    if (kind->extended) {
        error = os_mempool_ext_init(&depot->ext, kind->n_blocks, kind->block_size, depot->buffer,
                                    "depot");
        depot->ext.mpe_put_cb = count_and_release;
        depot->ext.mpe_put_arg = &depot->callbacks;
    } else {
        error =
            os_mempool_init(depot->pool, kind->n_blocks, kind->block_size, depot->buffer, "depot");
    }
    assert_int_equal(error, OS_OK);
    for (unsigned i = 0; i < SLOTS; i++) {
        pthread_mutex_init(&depot->slots[i].mutex, NULL);
    }
    return depot;
}

static void
depot_free(struct depot *depot)
{
    assert_int_equal(os_mempool_unregister(depot->pool), OS_OK);
    free(depot->buffer);
    free(depot);
}

/* Relaxed: that the last owner was done with the block is what the pool's lock must tell. */
static bool
change_owner(struct holding *holding, void *block, uint32_t from, uint32_t to)
{
    struct depot *depot = holding->depot;
    size_t index = (size_t)((char *)block - (char *)depot->buffer) / depot->stride;

    return crew_expect(holding->worker,
                       index < depot->pool->mp_num_blocks &&
                           __atomic_compare_exchange_n(&depot->owners[index], &from, to, false,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

static void
hold(struct holding *holding, void *block)
{
    memset(block, (int)holding->worker->number, holding->depot->stride);
    holding->blocks[holding->n++] = block;
}

/* A random one of the blocks held, its bytes still as they were written. */
static void *
let_go(struct holding *holding)
{
    unsigned i = crew_random(holding->worker, holding->n);
    unsigned char *block = holding->blocks[i];

    for (size_t at = 0; at < holding->depot->stride; at++) {
        crew_expect(holding->worker, block[at] == holding->worker->number);
    }
    holding->blocks[i] = holding->blocks[--holding->n];
    return block;
}

static void
take_one(struct holding *holding)
{
    void *block = os_memblock_get(holding->depot->pool);

    if (block == NULL) {
        holding->failed++;
        crew_expect(holding->worker, !holding->depot->ample);
        return;
    }
    holding->gets++;
    if (change_owner(holding, block, 0, holding->worker->number)) {
        hold(holding, block);
    }
}

static void
give_one(struct holding *holding)
{
    void *block = let_go(holding);

    change_owner(holding, block, holding->worker->number, 0);
    crew_expect(holding->worker, os_memblock_put(holding->depot->pool, block) == OS_OK);
    holding->puts++;
}

static void *
exchange(struct slot *slot, void *block)
{
    void *other;

    pthread_mutex_lock(&slot->mutex);
    other = slot->block;
    slot->block = block;
    pthread_mutex_unlock(&slot->mutex);
    return other;
}

static void
hand_over(struct holding *holding)
{
    struct slot *slot = &holding->depot->slots[crew_random(holding->worker, SLOTS)];
    void *block = let_go(holding);

    change_owner(holding, block, holding->worker->number, ON_THE_WAY);
    block = exchange(slot, block);
    if (block != NULL && change_owner(holding, block, ON_THE_WAY, holding->worker->number)) {
        hold(holding, block);
    }
}

static void
add_up(struct holding *holding)
{
    struct depot *depot = holding->depot;

    __atomic_fetch_add(&depot->gets, holding->gets, __ATOMIC_RELAXED);
    __atomic_fetch_add(&depot->puts, holding->puts, __ATOMIC_RELAXED);
    __atomic_fetch_add(&depot->failed, holding->failed, __ATOMIC_RELAXED);
}

static void
trade(struct crew_worker *worker)
{
    struct holding holding = {.depot = worker->job, .worker = worker};

    while (crew_goes_on(worker)) {
        unsigned what = crew_random(worker, 5);

        if (holding.n == 0 || (what < 2 && holding.n < HELD_MAX)) {
            take_one(&holding);
        } else if (what < 4) {
            give_one(&holding);
        } else {
            hand_over(&holding);
        }
        worker->rounds++;
    }
    while (worker->wrong == NULL && holding.n > 0) {
        give_one(&holding);
    }
    add_up(&holding);
}

static void
look_at_row(struct crew_worker *worker, const struct pool_counts *now,
            const struct pool_counts *before)
{
    uint64_t out = now->num_blocks - now->num_free;

    crew_expect(worker, now->num_free <= now->num_blocks && now->min_free <= now->num_free);
    crew_expect(worker, now->gets - now->puts + (uint64_t)now->adjust == out);
    crew_expect(worker, now->gets >= before->gets && now->puts >= before->puts);
}

static void
read_counters(struct crew_worker *worker)
{
    struct pool_counts before = {.gets = 0};
    struct registry_row now;
    struct os_mempool_info info;

    while (crew_goes_on(worker)) {
        crew_expect(worker, registry_copy(&now, 1) == 1);
        if (!now.counts.stale) {
            look_at_row(worker, &now.counts, &before);
            before = now.counts;
            worker->rounds++;
        }
        crew_expect(worker, os_mempool_info_get_next(NULL, &info) != NULL);
        crew_expect(worker, info.omi_num_free <= info.omi_num_blocks);
    }
}

static void
read_or_trade(struct crew_worker *worker)
{
    if (worker->number == READER) {
        read_counters(worker);
    } else {
        trade(worker);
    }
}

/* What was still in a slot when the workers stopped. */
static void
empty_slots(struct depot *depot)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (depot->slots[i].block != NULL) {
            assert_int_equal(os_memblock_put(depot->pool, depot->slots[i].block), OS_OK);
            depot->puts++;
        }
        pthread_mutex_destroy(&depot->slots[i].mutex);
    }
}

static void
assert_exact(struct depot *depot, const struct kind *kind)
{
    struct registry_row row;
    const struct pool_counts *counts = &row.counts;

    assert_int_equal(registry_copy(&row, 1), 1);
    assert_false(counts->stale);
    assert_int_equal(counts->num_free, kind->n_blocks);
    assert_int_equal(counts->gets, depot->gets);
    assert_int_equal(counts->puts, depot->puts);
    assert_int_equal(counts->failed, depot->failed);
    assert_int_equal(counts->refused, 0);
    assert_int_equal(counts->adjust, 0);
    assert_int_equal(depot->callbacks, kind->extended ? depot->puts : 0);
    assert_true(os_mempool_is_sane(depot->pool));
}

static void
trade_with(const struct kind *kind, unsigned n_threads)
{
    struct depot *depot = depot_make(kind, n_threads);
    struct crew crew;

    crew_begin(&crew, n_threads + READER, read_or_trade, depot);
    crew_stop_after(&crew, crew_scale(100, 500, 10000));
    crew_join(&crew);
    empty_slots(depot);
    assert_exact(depot, kind);
    depot_free(depot);
}

static void
two_threads_share_a_plain_pool(void **state)
{
    trade_with(&(struct kind){.n_blocks = 100, .block_size = 64}, 2);
}

static void
eight_threads_share_a_plain_pool(void **state)
{
    trade_with(&(struct kind){.n_blocks = 200, .block_size = 64}, 8);
}

static void
eight_threads_fight_for_few_blocks(void **state)
{
    trade_with(&(struct kind){.n_blocks = 10, .block_size = 40}, 8);
}

static void
four_threads_share_an_extended_pool(void **state)
{
    trade_with(&(struct kind){.n_blocks = 80, .block_size = 100, .extended = true}, 4);
}

static void
four_threads_fight_for_an_extended_pool(void **state)
{
    trade_with(&(struct kind){.n_blocks = 6, .block_size = 100, .extended = true}, 4);
}

/* Up to 64 free blocks are walked at each put, more are not: one pool on either side. */
static void
four_threads_share_small_blocks(void **state)
{
    trade_with(&(struct kind){.n_blocks = 30, .block_size = sizeof(void *)}, 4);
    trade_with(&(struct kind){.n_blocks = BLOCKS_MAX, .block_size = 1}, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_threads_share_a_plain_pool),
        cmocka_unit_test(eight_threads_share_a_plain_pool),
        cmocka_unit_test(eight_threads_fight_for_few_blocks),
        cmocka_unit_test(four_threads_share_an_extended_pool),
        cmocka_unit_test(four_threads_fight_for_an_extended_pool),
        cmocka_unit_test(four_threads_share_small_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
