/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h: what is kept of each block of a checked pool, beside the pool.
 *
 * By the block's index: whether it is free, and which free block comes next. That list is the
 * pool's. Link and key are written into free blocks all the same where these can be touched (no
 * fence, no tool), and poison with them, so that a change is noticed.
 *
 * Synchronization: under the pool's lock; the list of records under the registry's mutex.
 */
#ifndef OSMP_CHECK_RECORD_H
#define OSMP_CHECK_RECORD_H

#include "check/fault.h"
#include "check/fence.h"
#include "check/poison.h"
#include "check/track.h"
#include "check/words.h"
#include "layout/geometry.h"
#include "layout/tail.h"

/* States of a block; 0 is out. */
enum block_state {
    BLOCK_FREE = 1,
    BLOCK_DAMAGED = 2, /* free, and its damage was told already */
    BLOCK_CHOSEN = 4,  /* out, and in the array of the bulk put that is looked at */
};

struct record_block {
    uint32_t next; /* number of the next free block plus 1; 0 at the end */
    uint32_t state;
};

struct record {
    struct record *next; /* in the list of registered pools' records */
    struct record **led_by;
    struct record_block *blocks;
    struct trace *traces; /* NULL if nothing is tracked */
    size_t map_bytes;     /* of this record and what it points to */
    uintptr_t membuf;     /* the caller's buffer */
    uint32_t n_blocks;
    uint32_t n_out;
    uint32_t first;   /* as record_block.next */
    uint32_t n_calls; /* of get, for the word fail */
    bool listed;      /* the pool is registered */
    bool told;        /* a tool is told of its blocks */
    bool fenced;      /* free blocks are inaccessible */
    bool disagrees;   /* its members with the record, and that was told */
    bool may_touch;   /* the library may read and write free blocks */
    bool has_margins; /* a pattern is around the blocks that are out: margin.h */
    bool tells_leaks; /* blocks that are out at the end are told */
    char pool_name[OS_MEMPOOL_INFO_NAME_LEN];
    struct fence fence;
};

/* Makes the record of a pool that has all blocks in; false if there is no memory. Tools are told of
 * registered pools alone. */
bool record_make(struct os_mempool *mp, bool registered);

/* Ends it. The pool has its blocks in the caller's buffer again, but no list: that memory may be
 * gone already, and is not touched. */
void record_end(struct os_mempool *mp);

/* All blocks are free, in ascending order. */
void record_format(struct os_mempool *mp);

/* The same again; blocks that are out are given up. */
void record_clear(struct os_mempool *mp);

/* The first block goes out; what it held is the caller's business before. */
void record_take(struct os_mempool *mp);

/* Number i comes back. */
void record_give(struct os_mempool *mp, uint32_t i);

/* The tool is told no more. */
void record_forget_tool(struct os_mempool *mp);

/* The fence is given up for poison, and all memory is accessible; false if the kernel refuses. */
bool record_drop_fence(struct os_mempool *mp);

/* What track knows of the block that a fault is about; fault may be NULL. */
void record_tell(const struct os_mempool *mp, struct osmempool_fault *fault);

/* What a free block should hold. */
struct poison record_poison(const struct os_mempool *mp, uint32_t i);

/* The list of registered pools' records. */
void record_link(struct record *record);
void record_unlink(struct record *record);
struct record *record_first(void);

static inline struct record *
record_of(const struct os_mempool *mp)
{
    return pool_tail_const(mp)->record;
}

static inline bool
record_has_word(const struct os_mempool *mp, uint32_t word)
{
    return (pool_tail_const(mp)->words & word) != 0;
}

static inline bool
record_is_free(const struct os_mempool *mp, uint32_t i)
{
    return (record_of(mp)->blocks[i].state & BLOCK_FREE) != 0;
}

/* Address of a block. */
static inline void *
record_block(const struct os_mempool *mp, uint32_t i)
{
    const struct record *record = record_of(mp);
    size_t step = record->fence.map != NULL ? fence_step(&record->fence) : geometry_stride(mp);

    return (void *)(mp->mp_membuf_addr + i * step);
}

#endif
