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
 * Synchronization: layout/cache.h. All but the first two are called under the pool's lock.
 */
#ifndef OSMP_POOL_CACHE_H
#define OSMP_POOL_CACHE_H

#include "layout/cache.h"
#include "sync/thread.h"

/* Without the lock, through the caller's own cache (single blocks: cache_path.h); false where the
 * lock is needed. */
bool cache_get_bulk(struct os_mempool *mp, const struct cache_set *set, void **blocks, uint32_t n);
bool
cache_put_bulk(struct os_mempool *mp, const struct cache_set *set, void *const *blocks, uint32_t n);

/* Before a get of n blocks from the list: claims the caches if it has fewer. */
void cache_before_get(struct os_mempool *mp, uint32_t n);

/* After a get: refills the caller's cache, or opens it when its time has come. */
void cache_after_get(struct os_mempool *mp);

/* Before n blocks are put on the list: makes room in the caller's cache, or opens it. */
void cache_before_put(struct os_mempool *mp);

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

/* Enables caches or changes their depth; disables them. False if there is no memory. */
bool cache_enable(struct os_mempool *mp, uint32_t depth);
void cache_disable(struct os_mempool *mp);

/* An ending thread's cache is emptied and free for another. */
void cache_forget_thread(struct os_mempool *mp, struct thread *thread);

/* Takes the set out of an unregistered pool, for cache_free() outside the lock. */
struct cache_set *cache_detach(struct os_mempool *mp);
void cache_free(struct cache_set *set);

#endif
