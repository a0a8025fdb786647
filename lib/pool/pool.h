/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h: what the registry does with a pool. */
#ifndef OSMP_POOL_POOL_H
#define OSMP_POOL_POOL_H

#include "check/fault.h"
#include "check/track.h"
#include "os/os_mempool.h"
#include "sync/thread.h"

struct cache_set;

/*
 * Fills in a pool whose measures have passed geometry_check(): all blocks free, all counters 0.
 * Nobody else may use the pool or read its counters meanwhile.
 */
void pool_format(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
                 const char *name, uint8_t flags);

/* The pool was registered: it is checked from now on if the environment or a tool wants that. */
void pool_check(struct os_mempool *mp);

/*
 * Gives a new pool the caches that the environment wants for it, of a depth; 0 for none, and no
 * memory, no caches. The program does not know of them: its list keeps a quarter of the blocks
 * while a cache is open (cache.h), and a pool of less than POOL_CACHED_MIN blocks gets none.
 */
enum { POOL_CACHED_MIN = 64 };
void pool_set_cache(struct os_mempool *mp, uint32_t depth);

/*
 * The following do something with a registered pool, unless it is not to be had now: false. Their
 * callers hold the registry's mutex, with which nobody may wait for a pool.
 */

/*
 * The pool is unregistered: from now on it is used under its lock alone, without owner and caches.
 * Notes what is found wrong with it, and who holds its blocks. The buffer, which may be gone, is
 * not written: free blocks that are not on the list come there at the pool's next call. *caches is
 * what has to be freed with cache_free() outside of all locks, or NULL.
 */
bool pool_try_retire(struct os_mempool *mp, struct faults *faults, struct held *held,
                     struct cache_set **caches);

/* Enables caches of a depth, 0 to disable them; no memory, no caches. */
bool pool_try_set_cache(struct os_mempool *mp, uint32_t depth);

/* Starts the low-water mark from the blocks that are free outside caches now, and tells it. */
bool pool_try_reset_min(struct os_mempool *mp, uint32_t *min_free);

/* An ending thread's record is taken out of the pool. */
bool pool_try_forget_thread(struct os_mempool *mp, struct thread *thread);

/* What is wrong with a pool. */
struct pool_damage {
    const char *what;  /* in words; NULL: nothing */
    bool has_block;    /* it shows in one block: */
    uint32_t block;    /* which one it is */
    uintptr_t address; /* and where */
};

/* Looks for it. */
bool pool_try_check(struct os_mempool *mp, struct pool_damage *damage);

/* Copies the gets of a tracked pool's blocks that are out, to where all its blocks have room, and
 * tells how many there are. */
bool pool_try_copy_gets(struct os_mempool *mp, struct trace_end *gets, uint32_t *n);

#endif
