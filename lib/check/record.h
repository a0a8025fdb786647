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
    struct record_block *blocks;
    struct trace *traces; /* NULL if nothing is tracked */
    size_t map_bytes;     /* of this record and what it points to */
    uintptr_t membuf;     /* the caller's buffer */
    size_t stride;        /* of its blocks */
    uintptr_t first_at;   /* where block 0 is, in the buffer or behind a fence */
    size_t step;          /* and how far it is from one block to the next */
    uintptr_t secret;     /* the pool's, of which its blocks' keys are made */
    uint32_t n_blocks;
    uint32_t n_out;
    uint32_t first;   /* as record_block.next */
    uint32_t n_calls; /* of get, for the word fail */
    bool retired;     /* the pool was unregistered: the record ends with the last block */
    bool thorough;    /* the pool is under the word check */
    bool told;        /* a tool is told of its blocks */
    bool is_dropped;  /* and no longer of who has them */
    bool fenced;      /* free blocks are inaccessible */
    bool disagrees;   /* its members with the record, and that was told */
    bool may_touch;   /* the library may read and write free blocks */
    bool filled;      /* they hold the pattern */
    bool has_margins; /* a pattern is around the blocks that are out: margin.h */
    bool tells_leaks; /* blocks that are out at the end are told */
    bool is_fixed;    /* the buffer is static or on a stack: no allocator marks it again */
    bool is_on_stack; /* the buffer is on the stack of the thread that made the pool */
    uint64_t id;      /* of the pool's registration */
    char pool_name[OS_MEMPOOL_INFO_NAME_LEN];
    struct fence fence;
} __attribute__((aligned(8))); /* blocks and traces, which hold 64-bit words, lie behind it */

/* Where the parts of a record are that lie behind one another. */
struct record_size {
    size_t traces; /* the offset of the traces, behind struct record and the blocks */
    size_t bytes;
};

/* The size of a record of n blocks; false if it is no size_t, as may be on 32-bit machines. */
bool record_measure(struct record_size *size, uint32_t n, bool tracked);

/* Makes the record of a pool that has all blocks in; false if there is no memory. */
bool record_make(struct os_mempool *mp);

/* Ends it. The pool has its blocks in the caller's buffer again, unchecked, but no list: that
 * memory may be gone already, and is not touched before the pool's next call. */
void record_end(struct os_mempool *mp);

/* Frees the record of a pool that is over: neither its struct nor its buffer is touched. */
void record_free(struct record *record);

/* All blocks are free, in ascending order. */
void record_format(struct os_mempool *mp);

/* The same again; blocks that are out are given up. */
void record_clear(struct os_mempool *mp);

/* The first block goes out; what it held is the caller's business before. */
void record_take(struct os_mempool *mp);

/* Number i comes back. */
void record_give(struct os_mempool *mp, uint32_t i);

/* The tool is told no more; of a pool that is over nothing is touched that an allocator may have.
 */
void record_forget_tool(struct record *record);

/* The pool is dropped: its blocks are no leaks, and those that are free on fixed memory may be
 * touched, as that may be a frame of the stack that is another's by now. */
void record_drop(struct record *record);

/* Free blocks may be touched; the tool is still told of those in use. */
void record_open(const struct record *record);
void record_give_back(struct record *record);

/* The fence is given up for poison, and all memory is accessible; false if the kernel refuses. */
bool record_drop_fence(struct os_mempool *mp);

/* What track knows of the block that a fault is about; record and fault may be NULL. */
void record_tell(const struct record *record, struct osmempool_fault *fault);

/* Where a free block was changed, and what should be there; what is there the caller reads: n_bytes
 * from the offset on. And what track knows of the block. */
void record_tell_change(const struct record *record, struct osmempool_fault *fault,
                        const struct poison *poison, size_t offset);

/* What a free block should hold. */
struct poison record_poison(const struct record *record, uint32_t i);

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
record_address(const struct record *record, uint32_t i)
{
    return (void *)(record->first_at + i * record->step);
}

static inline void *
record_block(const struct os_mempool *mp, uint32_t i)
{
    return record_address(record_of(mp), i);
}

#endif
