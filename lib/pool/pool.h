/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h: what the registry does with a pool. */
#ifndef OSMP_POOL_POOL_H
#define OSMP_POOL_POOL_H

#include "check/fault.h"
#include "check/track.h"
#include "os/os_mempool.h"
#include "sync/thread.h"

/*
 * Fills in a pool whose measures have passed geometry_check(): all blocks free, all counters 0.
 * Nobody else may use the pool or read its counters meanwhile.
 */
void pool_format(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
                 const char *name, uint8_t flags);

/* The pool was registered: it is checked from now on if the environment or a tool wants that. */
void pool_check(struct os_mempool *mp);

/*
 * The pool is unregistered: from now on it is used under its lock alone, without caches. Notes what
 * is found wrong with it, and who holds its blocks.
 */
void pool_retire(struct os_mempool *mp, struct faults *faults, struct held *held);

/* Enables caches of a depth, 0 to disable them; no memory, no caches. */
void pool_set_cache(struct os_mempool *mp, uint32_t depth);

/* Starts the low-water mark from the blocks that are free outside caches now. */
void pool_reset_min(struct os_mempool *mp);

/* The same, and tells the mark, unless the pool is not to be had now: false. */
bool pool_try_reset_min(struct os_mempool *mp, uint32_t *min_free);

/* What is wrong with a pool. */
struct pool_damage {
    const char *what;  /* in words; NULL: nothing */
    bool has_block;    /* it shows in one block: */
    uint32_t block;    /* which one it is */
    uintptr_t address; /* and where */
};

/* Looks for it, unless the pool is not to be had now: false. */
bool pool_try_check(struct os_mempool *mp, struct pool_damage *damage);

/* Copies the gets of a tracked pool's blocks that are out, to where all its blocks have room, and
 * tells how many there are, unless the pool is not to be had now: false. */
bool pool_try_copy_gets(struct os_mempool *mp, struct trace_end *gets, uint32_t *n);

/* An ending thread's record is taken out of a pool. */
void pool_forget_thread(struct os_mempool *mp, struct thread *thread);

#endif
