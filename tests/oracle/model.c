/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * So many bytes of a block are written and compared at each end, and up to twice as many in all; so
 * many free one-word blocks a put walks; so many threads may have caches.
 */
enum { END_BYTES = 32, WALK_MAX = 64, THREADS_MAX = 8 };

/* Pools of fewer blocks get no caches from OSMEMPOOL_CACHE. */
enum { UNASKED_MIN = 64 };

const char *model_found_wrong;

void
model_wrong(const struct model *model, const char *what)
{
    if (model_found_wrong == NULL) {
        model_found_wrong = what;
        fprintf(stderr,
                "# %s: %s (%u blocks of %u bytes, %u free, caches %u, gets %llu, puts %llu)\n",
                model->name, what, model->n_blocks, model->size, model->n_free, model->depth,
                (unsigned long long)model->gets, (unsigned long long)model->puts);
    }
}

static bool
model_span(unsigned char *at, const void *bytes, size_t n, bool write)
{
    if (write) {
        memcpy(at, bytes, n);
    }
    return memcmp(at, bytes, n) == 0;
}

/* Writes the bytes of a block that is out, or tells whether they are still there. */
static bool
model_bytes(const struct model *model, uint32_t index, bool write)
{
    unsigned char *block = model_block(model, index);
    size_t n = model->size < END_BYTES ? model->size : END_BYTES;
    uint64_t mark[END_BYTES / sizeof(uint64_t)];

    for (size_t i = 0; i < END_BYTES / sizeof(uint64_t); i++) {
        mark[i] = model->marks[index];
    }
    return model_span(block, mark, n, write) && model_span(block + model->size - n, mark, n, write);
}

/* Any two blocks, and one block at two times, get other bytes. Each eight times the same. */
static void
model_mark(struct model *model, uint32_t index)
{
    static uint64_t mark = 1;

    mark += 2;
    model->marks[index] = mark % 251 * 0x0101010101010101u;
    model_bytes(model, index, true);
}

static void
model_swap(struct model *model, uint32_t place, uint32_t other)
{
    uint32_t index = model->blocks[place];

    model->blocks[place] = model->blocks[other];
    model->blocks[other] = index;
    model->places[model->blocks[place]] = place;
    model->places[index] = other;
}

/* In the order of a new pool: the first block comes first. */
static void
model_all_free(struct model *model)
{
    model->n_free = model->n_blocks;
    for (uint32_t i = 0; i < model->n_blocks; i++) {
        model->blocks[i] = model->n_blocks - 1 - i;
        model->places[model->blocks[i]] = i;
    }
    model->ordered = model->depth == 0;
}

static void
model_start_mark(struct model *model)
{
    model->min_free = model->n_free;
    model->depth_max = model->depth;
    model->min_is_exact = model->depth == 0;
}

/* The index of a block, by division; n_blocks for none. */
static uint32_t
model_index(const struct model *model, const void *block)
{
    size_t distance = (uintptr_t)block - (uintptr_t)model->base;

    return distance % model->step == 0 && distance / model->step < model->n_blocks
               ? (uint32_t)(distance / model->step)
               : model->n_blocks;
}

/* A block comes out: the next in order, or any that is free. */
static void
model_comes(struct model *model, const void *block)
{
    uint32_t index = model_index(model, block);

    if (!model_expect(model, index < model->n_blocks, "a get gave what is no block") ||
        !model_expect(model, model->places[index] < model->n_free, "a get gave what is out") ||
        !model_expect(model, !model->ordered || model->places[index] == model->n_free - 1,
                      "a get gave another block than the one put last")) {
        return;
    }
    model_swap(model, model->places[index], model->n_free - 1);
    model->n_free--;
    model->gets++;
    model->min_free = model->min_free < model->n_free ? model->min_free : model->n_free;
    model_mark(model, index);
}

/* A block goes back. */
static void
model_goes(struct model *model, uint32_t index)
{
    model_swap(model, model->places[index], model->n_free);
    model->n_free++;
    model->puts++;
}

static uint32_t
model_rank(const struct model *model, uint32_t rank)
{
    return model->blocks[model->n_free + rank];
}

/* Before a put: nobody has written to the block meanwhile. */
static void *
model_leaving(struct model *model, uint32_t index)
{
    model_expect(model, model_bytes(model, index, false), "a block changed while it was out");
    return model_block(model, index);
}

/* Whether the library makes this get fail. */
static bool
model_is_made_to_fail(struct model *model)
{
    return model->fail_every != 0 && ++model->asked % model->fail_every == 0;
}

void
model_get(struct model *model)
{
    bool made_to_fail = model_is_made_to_fail(model);
    void *block = os_memblock_get(model->pool);

    if (block != NULL) {
        model_expect(model, !made_to_fail, "a get did not fail that should have");
        model_comes(model, block);
    } else {
        model->failed++;
        model_expect(model, made_to_fail || model->n_free == 0,
                     "a get failed, and blocks are free");
    }
}

void
model_get_bulk(struct model *model, uint32_t n)
{
    void *blocks[MODEL_BULK_MAX];
    bool made_to_fail = n > 0 && model_is_made_to_fail(model);
    os_error_t error = os_memblock_get_bulk(model->pool, blocks, n);
    bool wanted = !made_to_fail && n <= model->n_free;

    model_expect(model, error == (wanted ? OS_OK : OS_ENOMEM), "a bulk get's answer is wrong");
    for (uint32_t i = 0; error == OS_OK && i < n; i++) {
        model_comes(model, blocks[i]);
    }
    model->failed += error != OS_OK;
}

/* Released in a callback: by this call, which must succeed. */
static void
model_release(struct model *model, uint32_t index)
{
    void *block = model_leaving(model, index);

    model_expect(model, os_memblock_put_from_cb(model->pool, block) == OS_OK,
                 "put_from_cb failed in a callback");
    model_goes(model, index);
}

/* Another block than the one whose callback runs, if one is out. */
static void
model_put_another(struct model *model, uint32_t index)
{
    uint32_t rank = model_rank(model, 0) == index ? 1 : 0;

    if (rank < model_out(model)) {
        model->mode = MODEL_RELEASES;
        model_put(model, rank);
        model->mode = MODEL_PUTS_ANOTHER;
    }
}

static void
model_try_in_vain(struct model *model, os_error_t error)
{
    model_expect(model, error == OS_INVALID_PARM, "a wrong put was not refused");
    model->refused++;
}

static os_error_t
model_callback(struct os_mempool_ext *ext, void *block, void *arg)
{
    struct model *model = arg;
    uint32_t index = model_index(model, block);

    model->callbacks++;
    if (!model_expect(model, index < model->n_blocks && model->places[index] >= model->n_free,
                      "a callback ran for what is not out")) {
        return OS_ERROR;
    }
    switch (model->mode) {
    case MODEL_KEEPS:
        return OS_OK;
    case MODEL_FAILS:
        return OS_ERROR;
    case MODEL_PUTS_ITSELF:
        model_try_in_vain(model, os_memblock_put(&ext->mpe_mp, block));
        break;
    case MODEL_PUTS_ANOTHER:
        model_put_another(model, index);
        break;
    case MODEL_RELEASES:
    case MODEL_RELEASES_TWICE:
        break;
    }
    model_release(model, index);
    if (model->mode == MODEL_RELEASES_TWICE && model_free_block(model, 0) != NULL) {
        model_try_in_vain(model, os_memblock_put_from_cb(&ext->mpe_mp, block));
    }
    return OS_OK;
}

static os_error_t
model_wanted(const struct model *model)
{
    return model->extended && model->mode == MODEL_FAILS ? OS_ERROR : OS_OK;
}

/* In an extended pool all that happens is the callback's. */
void
model_put(struct model *model, uint32_t rank)
{
    uint32_t index = model_rank(model, rank);
    void *block = model_leaving(model, index);
    uint64_t callbacks = model->callbacks;

    model_expect(model, os_memblock_put(model->pool, block) == model_wanted(model),
                 "a put's answer is wrong");
    if (!model->extended) {
        model_goes(model, index);
    }
    model_expect(model, (model->callbacks != callbacks) == model->extended,
                 "callbacks are for extended pools");
}

void
model_put_from_cb(struct model *model, uint32_t rank)
{
    uint64_t callbacks = model->callbacks;

    model_release(model, model_rank(model, rank));
    model_expect(model, model->callbacks == callbacks, "put_from_cb ran a callback");
}

/* Those of an extended pool that another's callback has put meanwhile would be refused. */
static void
model_calm(struct model *model)
{
    if (model->mode == MODEL_PUTS_ANOTHER) {
        model->mode = MODEL_RELEASES;
    }
}

/* n that are out, from a rank on, round the end. */
static void
model_pick(struct model *model, uint32_t rank, uint32_t n, void **blocks)
{
    uint32_t out = model_out(model);

    for (uint32_t i = 0; i < n; i++) {
        blocks[i] = model_leaving(model, model_rank(model, (rank + i) % out));
    }
}

/*
 * The array to put by: now and then in one of its own blocks, if it has room there. (Not where a
 * callback looks at the bytes of each block.)
 */
static void *const *
model_place_array(const struct model *model, void **blocks, uint32_t n, uint32_t which)
{
    if (model->extended || n == 0 || which % 2 == 0 || n * sizeof(*blocks) > model->size) {
        return blocks;
    }
    return memcpy(blocks[which % n], blocks, n * sizeof(*blocks));
}

void
model_put_bulk(struct model *model, uint32_t rank, uint32_t n)
{
    void *blocks[MODEL_BULK_MAX] = {NULL};

    model_calm(model);
    model_pick(model, rank, n, blocks);
    model_expect(model,
                 os_memblock_put_bulk(model->pool, model_place_array(model, blocks, n, rank), n) ==
                     (n > 0 ? model_wanted(model) : OS_OK),
                 "a bulk put's answer is wrong");
    for (uint32_t i = 0; !model->extended && i < n; i++) {
        model_goes(model, model_index(model, blocks[i]));
    }
}

/* The good blocks stay with the caller, but for the words that hold link and key of free ones. */
static void
model_put_bulk_wrong(struct model *model, void *block, uint32_t n)
{
    void *blocks[MODEL_BULK_MAX];

    model_pick(model, 0, n, blocks);
    blocks[n] = block;
    model_try_in_vain(model, os_memblock_put_bulk(model->pool, blocks, n + 1));
    for (uint32_t i = 0; i < n; i++) {
        model_mark(model, model_index(model, blocks[i]));
    }
}

void
model_put_wrong(struct model *model, enum model_way way, void *block, uint32_t n)
{
    uint64_t callbacks = model->callbacks;

    switch (way) {
    case MODEL_PUT:
        model_try_in_vain(model, os_memblock_put(model->pool, block));
        break;
    case MODEL_PUT_FROM_CB:
        model_try_in_vain(model, os_memblock_put_from_cb(model->pool, block));
        break;
    case MODEL_PUT_BULK:
    case MODEL_WAYS:
        model_put_bulk_wrong(model, block, n);
        break;
    }
    model_expect(model, model->callbacks == callbacks, "a wrong put ran a callback");
}

void *
model_free_block(const struct model *model, uint32_t rank)
{
    bool told =
        model->size > OS_ALIGNMENT || model->n_free <= WALK_MAX || model->n_free == model->n_blocks;

    return told && rank < model->n_free ? model_block(model, model->blocks[rank]) : NULL;
}

void
model_clear(struct model *model)
{
    model_expect(model, os_mempool_clear(model->pool) == OS_OK, "clear failed");
    model->adjust -= model_out(model);
    model_all_free(model);
    model_start_mark(model);
}

void
model_cache(struct model *model, uint32_t depth)
{
    os_error_t error = depth > 0 ? os_mempool_cache_enable(model->pool, depth)
                                 : os_mempool_cache_disable(model->pool);

    model_expect(model, error == OS_OK, "caches cannot be switched");
    model->list_min = 0;
    model->depth = depth < model->n_blocks ? depth : model->n_blocks;
    model->depth_max = depth < model->depth_max ? model->depth_max : model->depth;
    if (depth > 0) {
        model->ordered = false;
        model->min_is_exact = false;
    }
}

/* Caches that nobody asked for: all free blocks are on the list, or a quarter of all. */
static void
model_cache_unasked(struct model *model)
{
    bool gets_caches = model->unasked > 0 && model->n_blocks >= UNASKED_MIN;

    model->list_min = model->n_blocks;
    model->depth = 0;
    if (gets_caches) {
        model->list_min = (model->n_blocks + 3) / 4;
        model->depth = model->unasked < model->n_blocks ? model->unasked : model->n_blocks;
    }
}

void
model_check_list(const struct model *model)
{
    uint32_t least = model->n_free < model->list_min ? model->n_free : model->list_min;

    model_expect(model, model->pool->mp_num_free >= least, "mp_num_free is too low");
}

/* The mark counts what is in caches as used. */
void
model_reset_min(struct model *model)
{
    model_expect(model, os_mempool_min_reset(model->pool) == OS_OK, "min_reset failed");
    model_start_mark(model);
}

void
model_from(struct model *model, uint32_t index, uint32_t off)
{
    const unsigned char *at = model->base + index * model->step + off;
    bool starts = index < model->n_blocks && off % model->step == 0 &&
                  index + off / model->step < model->n_blocks;

    model_expect(model, os_memblock_from(model->pool, at) == (int)starts, "memblock_from is wrong");
}

static void
model_compare_min(const struct model *model, uint32_t min_free)
{
    uint32_t slack = model->min_is_exact ? 0 : model->depth_max * THREADS_MAX;

    model_expect(model, min_free <= model->min_free, "the low-water mark is above the true one");
    model_expect(model, min_free + slack >= model->min_free, "the low-water mark is too low");
}

static void
model_compare_info(const struct model *model)
{
    struct os_mempool_info info;

    if (model_expect(model, os_mempool_get(model->name, &info) == model->pool,
                     "the pool is not found by its name")) {
        model_expect(model, info.omi_num_free == (int)model->n_free, "the walk's free count");
        model_expect(model, info.omi_num_blocks == (int)model->n_blocks, "the walk's blocks");
        model_expect(model, info.omi_block_size == (int)model->size, "the walk's size");
        model_compare_min(model, (uint32_t)info.omi_min_free);
    }
}

void
model_compare(struct model *model)
{
    struct os_mempool_stats stats;

    if (!model_expect(model,
                      os_mempool_stats_get(model->pool, &stats, sizeof(stats)) == OS_OK &&
                          stats.size == sizeof(stats),
                      "there are no statistics")) {
        return;
    }
    model_expect(model, stats.num_blocks == model->n_blocks, "the number of blocks");
    model_expect(model, stats.num_free == model->n_free, "the free count");
    model_expect(model, stats.num_cached <= model->n_free, "the cached count");
    model_expect(model, model->pool->mp_num_free + stats.num_cached == model->n_free,
                 "list and caches do not add up");
    model_expect(model, stats.gets == model->gets, "the count of gets");
    model_expect(model, stats.puts == model->puts, "the count of puts");
    model_expect(model, stats.adjust == model->adjust, "the adjustment");
    model_expect(model, stats.failed == model->failed, "the count of failed gets");
    model_expect(model, stats.refused == model->refused, "the count of refused puts");
    model_compare_min(model, stats.min_free);
    model_compare_info(model);
}

void
model_inspect(struct model *model)
{
    model_expect(model, os_mempool_is_sane(model->pool), "the pool is not sane");
    for (uint32_t rank = 0; rank < model_out(model); rank++) {
        model_leaving(model, model_rank(model, rank));
    }
}

static os_error_t
model_init(struct model *model)
{
    os_error_t error;

    if (!model->extended) {
        return os_mempool_init(model->pool, model->n_blocks, model->size, model->buffer,
                               model->name);
    }
    error =
        os_mempool_ext_init(&model->ext, model->n_blocks, model->size, model->buffer, model->name);
    model->ext.mpe_put_cb = model_callback;
    model->ext.mpe_put_arg = model;
    return error;
}

/*
 * The blocks lie in the buffer, or behind a fence: then how far apart is seen from the first two.
 * The step is not the stride then, but a get and a put of each tell.
 */
static void
model_learn(struct model *model)
{
    unsigned char *first, *second;

    model->base = (unsigned char *)model->pool->mp_membuf_addr;
    model->step = model->stride;
    if (model->base == model->buffer || model->n_blocks < 2) {
        return;
    }
    first = os_memblock_get(model->pool);
    second = os_memblock_get(model->pool);
    model->step = (size_t)(second - first);
    model_expect(model, first == model->base, "the first block is not at mp_membuf_addr");
    model_expect(model, os_memblock_put_from_cb(model->pool, second) == OS_OK, "a put failed");
    model_expect(model, os_memblock_put_from_cb(model->pool, first) == OS_OK, "a put failed");
    model->gets = model->puts = model->asked = 2;
    model_expect(model, os_mempool_min_reset(model->pool) == OS_OK, "min_reset failed");
}

void
model_begin(struct model *model, const struct model_kind *kind)
{
    model->pool = &model->ext.mpe_mp;
    model->extended = kind->extended;
    model->n_blocks = kind->n_blocks;
    model->size = kind->size;
    model->stride = OS_MEMPOOL_BYTES(1, kind->size);
    model->buffer = malloc(OS_MEMPOOL_BYTES(kind->n_blocks, kind->size) + OS_ALIGNMENT);
    model_cache_unasked(model);
    model->mode = MODEL_RELEASES;
    model->asked = model->gets = model->puts = model->failed = model->refused = 0;
    model->adjust = 0;
    model_expect(model, model->buffer != NULL && model_init(model) == OS_OK, "init failed");
    model_learn(model);
    model_all_free(model);
    model_start_mark(model);
}

/* Blocks that are out are let down: the pool may go on without being registered, but not here. */
void
model_end(struct model *model)
{
    model_expect(model, os_mempool_unregister(model->pool) == OS_OK, "unregister failed");
    model_expect(model, os_mempool_get(model->name, NULL) == NULL, "an ended pool is found");
    free(model->buffer);
}
