/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h: the threads' caches of a pool.
 *
 * A thread gets from and puts to its cache in a section like an owner's: busy, then "is it still
 * open?". Caches are filled and emptied in batches of half their depth, under the pool's lock.
 *
 * No block is stranded: a get that finds the list empty claims all caches of the pool with one
 * barrier, and fails only when all of them are empty. A claim closes them; closed, a thread uses
 * the lock. They open again, each by its own thread, once the operations under the lock have paid
 * for the claim (the rule for renting skis, as owner.h) and the list can fill half a batch.
 *
 * A visit (clear, check, fork) pauses the caches: claimed too, but opened again when it ends.
 *
 * The list's minimum. A program that got its caches from the environment does not know of them, and
 * decides by mp_num_free, which counts the list (and depot) alone. There the list keeps `list_min`
 * blocks, a quarter of all, while a cache is open, so that
 *
 *     mp_num_free, read at any moment and without the lock, is at least
 *     the lesser of the free blocks and list_min.
 *
 * It holds since each value that the counter ever has was stored under the lock in one of two
 * states, and free blocks change without such a store in the second only:
 *
 *   closed  No cache is open and none holds a block. Then mp_num_free is the number of the free
 *           blocks, and each get and put stores it.
 *   open    mp_num_free >= list_min. A cache's gets and puts leave it as it is.
 *
 *   closed -> open    cache_count() opens where a half of all blocks is on the list, and list_min
 *                     are left by what its caller takes next. cache_resume() opens again where
 *                     list_min are there: a handler of fork gets from the list of a frozen pool.
 *   open -> open      Puts and cache_flush() raise it. Blocks leave the list in two ways:
 *                     cache_refill() takes what is above list_min at most; a get or bulk get
 *                     from the list would leave less in cache_with_blocks(), and then claims.
 *   open -> closed    A claim only raises it, from list_min or more to all free blocks, and the get
 *                     that it is for takes its own after that.
 *
 * A reader needs no order for it: whatever value it reads is one of these. Blocks that are lost to
 * a damaged link are the exception, for the moment until cache_get_locked() has claimed the rest.
 *
 * Synchronization: layout/cache.h. All but the first two are called under the pool's lock.
 */
#ifndef OSMP_POOL_CACHE_H
#define OSMP_POOL_CACHE_H

#include "check/fault.h"
#include "layout/cache.h"
#include "sync/thread.h"

/* Without the lock, through a cache if it is the caller's and open (single blocks: cache_path.h);
 * false where the lock is needed. */
bool cache_get_bulk(const struct os_mempool *mp, struct cache *cache, void **blocks, uint32_t n);
bool
cache_put_bulk(const struct os_mempool *mp, struct cache *cache, void *const *blocks, uint32_t n);

/*
 * Get and put of a cached pool under the lock: through the caller's cache, which is filled or
 * emptied by a batch first, or, while it is closed, through the list. A get claims all caches if
 * there is too little. Puts are of blocks that were looked for in the caches, if need be.
 */
void *cache_get_locked(struct os_mempool *mp, struct faults *faults);
bool cache_get_bulk_locked(struct os_mempool *mp, void **blocks, uint32_t n);
os_error_t cache_put_locked(struct os_mempool *mp, void *block, struct faults *faults);
os_error_t cache_put_bulk_locked(struct os_mempool *mp, void *const *blocks, uint32_t n,
                                 struct faults *faults);

/* The same past the caches; for a moment at which they are paused. */
os_error_t cache_put_bulk_on_list(struct os_mempool *mp, void *const *blocks, uint32_t n,
                                  struct faults *faults);

/* Whether a block of the pool is free, on the list or in any cache. Certain where a key has room.
 */
bool cache_has(struct os_mempool *mp, void *block);

/* Closes all caches and takes their blocks; reopens those that were open. */
void cache_pause(struct os_mempool *mp);
void cache_resume(struct os_mempool *mp);

/*
 * cache_pause() without waiting for long: false if a thread is in its cache still; then all that
 * were open are again.
 */
bool cache_try_pause(struct os_mempool *mp);

/* For fork: cache_pause() in two steps; cache_stop() tells whether a barrier is needed. */
bool cache_stop(struct os_mempool *mp);
void cache_collect(struct os_mempool *mp);

/* In a forked child: no thread has a cache, and all blocks in them are on the list. */
void cache_disown(struct os_mempool *mp);

/*
 * Enables caches or changes their depth; disables them. False if there is no memory. While a cache
 * is open the list keeps list_min blocks; 0 for caches that the program itself asks for. The caller
 * raises it only where no cache is open.
 */
bool cache_enable(struct os_mempool *mp, uint32_t depth, uint32_t list_min);
void cache_disable(struct os_mempool *mp);

/* An ending thread's cache is emptied and free for another. */
void cache_forget_thread(struct os_mempool *mp, struct thread *thread);

/*
 * For unregister. cache_try_close() is cache_try_pause(), but the caches keep their blocks.
 * cache_retire() then ends them: where all blocks are free it returns the set, to be freed outside
 * of all locks, or NULL; else the set waits, with the gate POOL_GATE_RETIRED, for the pool's next
 * call, which brings the blocks to the list by cache_settle() and frees the set.
 */
bool cache_try_close(struct os_mempool *mp);
struct cache_set *cache_retire(struct os_mempool *mp);
struct cache_set *cache_settle(struct os_mempool *mp);

/*
 * In a forked child, of a pool that was dropped: its struct may be gone and is not touched. Its
 * caches are nobody's, and those that were open stay so: the next claim collects their blocks.
 */
void cache_disown_dropped(struct cache_set *set);

/* Frees a set, which may be NULL, outside of all locks. */
void cache_free(struct cache_set *set);

#endif
