/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h: a pool, and beside it a simple model that knows all about it.
 *
 * Each function makes one call and compares what it did with what the model says: the answer, which
 * block, the bytes of the blocks that are out. model_compare() compares all counters, too. What is
 * free is known exactly; the order in which free blocks come is known (last in, first out) unless
 * caches have mixed them.
 *
 * What is wrong is said through model_wrong(), the first time; nothing is worth trusting after it.
 */
#ifndef ORACLE_MODEL_H
#define ORACLE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "osmempool.h"

enum { MODEL_BLOCKS_MAX = 1000, MODEL_BULK_MAX = 48 };

/* What the put callback of an extended pool does with a block. */
enum model_mode {
    MODEL_RELEASES,
    MODEL_KEEPS,         /* returns OS_OK and leaves the block out */
    MODEL_FAILS,         /* returns OS_ERROR and leaves the block out */
    MODEL_PUTS_ITSELF,   /* tries what would never end, then releases */
    MODEL_PUTS_ANOTHER,  /* which is released, too */
    MODEL_RELEASES_TWICE /* the second time in vain */
};

struct model {
    struct os_mempool_ext ext; /* a plain pool uses its first member alone */
    struct os_mempool *pool;   /* &ext.mpe_mp */
    char name[16];
    bool extended;
    bool ordered;      /* the order of free blocks is known */
    bool min_is_exact; /* no caches since the mark was set */
    uint32_t n_blocks;
    uint32_t size;
    size_t stride;
    unsigned char *buffer;
    unsigned char *base; /* where the blocks are: the buffer, or what a debug word took for it */
    size_t step;         /* from one to the next */
    uint32_t depth;      /* of the caches; 0 for none */
    uint32_t depth_max;  /* since the mark was set */
    uint32_t unasked;    /* what depth OSMEMPOOL_CACHE gives a new pool */
    uint32_t list_min;   /* while its caches are those: what mp_num_free does not fall below */
    uint32_t fail_every; /* each so-many-th get fails; 0 none */
    uint64_t asked;      /* gets and bulk gets so far, those that failed included */
    enum model_mode mode;
    uint64_t callbacks; /* that ran */
    uint64_t gets, puts, failed, refused;
    int64_t adjust;
    uint32_t min_free;
    uint32_t n_free;
    uint32_t blocks[MODEL_BLOCKS_MAX]; /* n_free free ones, the next at the end; then those out */
    uint32_t places[MODEL_BLOCKS_MAX]; /* where in blocks each is */
    uint64_t marks[MODEL_BLOCKS_MAX];  /* what the bytes of one that is out are made from */
};

/* What was found wrong first; NULL for nothing. */
extern const char *model_found_wrong;
void model_wrong(const struct model *model, const char *what);

/* Says what is wrong unless it holds; whether it holds. */
static inline bool
model_expect(const struct model *model, bool holds, const char *what)
{
    if (__builtin_expect(!holds, 0)) {
        model_wrong(model, what);
    }
    return holds;
}

struct model_kind {
    uint32_t n_blocks;
    uint32_t size;
    bool extended;
};

/* Initialises the pool, in a buffer of its own; ends it. */
void model_begin(struct model *model, const struct model_kind *kind);
void model_end(struct model *model);

void model_get(struct model *model);
void model_get_bulk(struct model *model, uint32_t n);

/* Puts one that is out, of rank below model_out(). */
void model_put(struct model *model, uint32_t rank);
void model_put_from_cb(struct model *model, uint32_t rank);

/* Puts n that are out, from a rank on; n is at most model_out(). */
void model_put_bulk(struct model *model, uint32_t rank, uint32_t n);

/* Puts what must be refused: by put, put_from_cb, or in bulk after n good blocks. */
enum model_way { MODEL_PUT, MODEL_PUT_FROM_CB, MODEL_PUT_BULK, MODEL_WAYS };
void model_put_wrong(struct model *model, enum model_way way, void *block, uint32_t n);

void model_clear(struct model *model);
void model_cache(struct model *model, uint32_t depth);
void model_reset_min(struct model *model);

/* Whether memblock_from() knows its blocks from others. */
void model_from(struct model *model, uint32_t index, uint32_t off);

/* What a program that knows of no caches believes of mp_num_free; to be asked after each call. */
void model_check_list(const struct model *model);

/* All counters, through statistics and the walk. */
void model_compare(struct model *model);

/* The pool is sane, and every block that is out has its bytes. */
void model_inspect(struct model *model);

static inline uint32_t
model_out(const struct model *model)
{
    return model->n_blocks - model->n_free;
}

static inline void *
model_block(const struct model *model, uint32_t index)
{
    return model->base + index * model->step;
}

/* A block that is free, or NULL: putting it must be refused. Not where that cannot be told. */
void *model_free_block(const struct model *model, uint32_t rank);

#endif
