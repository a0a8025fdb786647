/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bulk.c: many blocks in one section.
 *
 * The array is the caller's memory, and that may be a block of the very pool: a batch of blocks is
 * often kept in one of them. A put writes link and key into each block, so such an array is copied
 * first, and a get fills in a copy.
 */
#include <string.h>

#include "base/compiler.h"
#include "osmempool.h"
#include "pool/block.h"
#include "pool/cache_table.h"
#include "pool/callback.h"
#include "pool/enter.h"
#include "pool/freelist.h"
#include "pool/scratch.h"

/* A way to put blocks. The frame is that of the put: pool/callback.h. */
typedef os_error_t bulk_put_fn(struct os_mempool *mp, void *const *blocks, uint32_t n,
                               uintptr_t frame, const void *caller);

/* More blocks than the pool has: nothing of the array is read or written. */
static bool
bulk_is_absurd(const struct os_mempool *mp, uint32_t n)
{
    return n > mp->mp_num_blocks;
}

/* From the list, under the lock. A call that finds too few blocks counts as one failed get. */
static bool
bulk_get_from_list(struct os_mempool *mp, void **blocks, uint32_t n, struct faults *faults)
{
    bool done = false;

    if (!bulk_is_absurd(mp, n)) {
        done = cache_is_enabled(mp) ? cache_get_bulk_locked(mp, blocks, n)
                                    : freelist_pop_all(mp, blocks, n);
    }
    if (!done && freelist_mend(mp, n, faults)) {
        done = freelist_pop_all(mp, blocks, n);
    }
    if (!done) {
        counts_fail(mp);
    }
    return done;
}

/* As of single blocks: what comes out now is in no callback. */
static os_error_t
bulk_got(struct os_mempool *mp, void **blocks, uint32_t n)
{
    for (uint32_t i = 0; block_is_extended(mp) && i < n; i++) {
        callback_end(mp, blocks[i]);
    }
    return OS_OK;
}

static os_error_t
bulk_get_locked(struct os_mempool *mp, void **blocks, uint32_t n, const void *caller)
{
    struct faults faults;
    bool done;

    faults_begin(&faults);
    pool_enter(mp);
    done = pool_is_checked(mp) ? check_get_all(mp, blocks, n, caller, &faults)
                               : bulk_get_from_list(mp, blocks, n, &faults);
    pool_leave(mp);
    faults_report(&faults, caller);
    return done ? bulk_got(mp, blocks, n) : OS_ENOMEM;
}

/* In the owner's section; a new low-water mark is for the lock's path, as it asks the clock. */
static bool
bulk_get_owned(struct os_mempool *mp, void **blocks, uint32_t n)
{
    struct osmp_thread *me = osmp_enter(mp);
    bool done;

    if (osmp_unlikely(me == NULL)) {
        return false;
    }
    done = freelist_count(mp) - mp->mp_min_free >= n && freelist_pop_all(mp, blocks, n);
    osmp_leave(me);
    return done;
}

/* The caller's cache if it is open; NULL if not. */
static struct cache *
bulk_cache(const struct os_mempool *mp)
{
    const struct cache_set *set = cache_set_of(mp);
    const uintptr_t tp = osmp_thread_pointer();
    struct cache *cache = set != NULL ? cache_table_home(set, tp) : NULL;

    /* Relaxed: a first look. */
    if (cache == NULL || __atomic_load_n(&cache->open_tp, __ATOMIC_RELAXED) == tp) {
        return cache;
    }
    return cache_table_beside(set);
}

/* Whichever way a call goes, with its array or a copy. */
OSMP_WITHIN os_error_t
bulk_get(struct os_mempool *mp, void **blocks, uint32_t n, const void *caller)
{
    struct cache *cache;

    if (bulk_get_owned(mp, blocks, n)) {
        return OS_OK;
    }
    cache = bulk_cache(mp);
    if (cache != NULL && cache_get_bulk(mp, cache, blocks, n)) {
        return bulk_got(mp, blocks, n);
    }
    return bulk_get_locked(mp, blocks, n, caller);
}

/* An array in a block of the pool, perhaps a free one, is written when all is done. */
static OSMP_COLD os_error_t
bulk_get_odd(struct os_mempool *mp, void **blocks, uint32_t n, const void *caller)
{
    struct scratch scratch;
    os_error_t error;

    if (bulk_is_absurd(mp, n)) {
        return bulk_get_locked(mp, blocks, n, caller);
    }
    if (!scratch_begin(&scratch, n)) {
        return OS_ENOMEM;
    }
    error = bulk_get(mp, scratch.array, n, caller);
    if (error == OS_OK) {
        memcpy(blocks, scratch.array, n * sizeof(*blocks));
    }
    scratch_end(&scratch);
    return error;
}

/* Whether the plain ways will not do for an array. */
static inline bool
bulk_is_odd(const struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    return osmp_unlikely(bulk_is_absurd(mp, n)) ||
           osmp_unlikely(geometry_touches(mp, blocks, n * sizeof(*blocks)));
}

OSMP_PUBLIC os_error_t
os_memblock_get_bulk(struct os_mempool *mp, void **blocks, uint32_t n)
{
    if (mp == NULL || blocks == NULL) {
        return OS_INVALID_PARM;
    }
    if (n == 0) {
        return OS_OK;
    }
    return bulk_is_odd(mp, blocks, n) ? bulk_get_odd(mp, blocks, n, osmp_caller())
                                      : bulk_get(mp, blocks, n, osmp_caller());
}
OSMP_LOCAL_NAME(os_memblock_get_bulk);

static bool
bulk_put_owned(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    struct osmp_thread *me = osmp_enter(mp);
    uint32_t bad;
    bool done;

    if (osmp_unlikely(me == NULL)) {
        return false;
    }
    done = freelist_push_all(mp, blocks, n, &bad);
    osmp_leave(me);
    return done;
}

/* Whether a block has to be looked for in the caches, too, before it may be put. */
static bool
bulk_is_doubtful(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!geometry_holds(mp, blocks[i]) || freelist_may_have(mp, blocks[i])) {
            return true;
        }
    }
    return false;
}

/* While caches are paused all free blocks are on the list, where a put finds them. */
static os_error_t
bulk_put_behind_cache(struct os_mempool *mp, void *const *blocks, uint32_t n, struct faults *faults)
{
    os_error_t error;

    if (!bulk_is_doubtful(mp, blocks, n)) {
        return cache_put_bulk_locked(mp, blocks, n, faults);
    }
    cache_pause(mp);
    error = cache_put_bulk_on_list(mp, blocks, n, faults);
    cache_resume(mp);
    return error;
}

static os_error_t
bulk_put_locked(struct os_mempool *mp, void *const *blocks, uint32_t n, uintptr_t frame,
                const void *caller)
{
    struct faults faults;
    os_error_t error;

    faults_begin(&faults);
    pool_enter(mp);
    if (osmp_unlikely(pool_is_checked(mp))) {
        error = check_put_all(mp, blocks, n, caller, &faults);
    } else if (cache_is_enabled(mp)) {
        error = bulk_put_behind_cache(mp, blocks, n, &faults);
    } else {
        error = freelist_push_or_refuse(mp, blocks, n, &faults);
    }
    pool_leave(mp);
    faults_report(&faults, caller);
    return error;
}

/* With a copy of an array that may lie in a block of the pool. */
static OSMP_COLD os_error_t
bulk_put_copy(struct os_mempool *mp, void *const *blocks, uint32_t n, uintptr_t frame,
              const void *caller, bulk_put_fn *put)
{
    struct scratch scratch;
    os_error_t error;

    if (!scratch_begin(&scratch, n)) {
        return OS_ENOMEM;
    }
    memcpy(scratch.array, blocks, n * sizeof(*blocks));
    error = put(mp, scratch.array, n, frame, caller);
    scratch_end(&scratch);
    return error;
}

/* Whatever is not the owner's and did not go through the caller's cache. Blocks behind a fence lie
 * farther apart than bulk_is_odd() knows, and become inaccessible. */
static __attribute__((noinline)) os_error_t
bulk_put_past(struct os_mempool *mp, void *const *blocks, uint32_t n, const void *caller)
{
    return osmp_unlikely(geometry_is_apart(mp))
               ? bulk_put_copy(mp, blocks, n, 0, caller, bulk_put_locked)
               : bulk_put_locked(mp, blocks, n, 0, caller);
}

/* As bulk_get(). Without callbacks, for which the frame is. */
OSMP_WITHIN os_error_t
bulk_put(struct os_mempool *mp, void *const *blocks, uint32_t n, uintptr_t frame,
         const void *caller)
{
    struct cache *cache;

    if (bulk_put_owned(mp, blocks, n)) {
        return OS_OK;
    }
    cache = bulk_cache(mp);
    if (cache != NULL && cache_put_bulk(mp, cache, blocks, n)) {
        return OS_OK;
    }
    return bulk_put_past(mp, blocks, n, caller);
}

/* Each goes its own way, whatever becomes of the others, as long as no callback ends the pool. */
static os_error_t
bulk_run_callbacks(struct os_mempool *mp, void *const *blocks, uint32_t n, uintptr_t frame,
                   const void *caller)
{
    struct running running = callback_begin_bulk(mp, frame);
    os_error_t first = OS_OK;
    uint32_t i = 0;

    do {
        os_error_t error = block_put_extended(mp, blocks[i++], frame, caller);

        first = first == OS_OK ? error : first;
    } while (i < n && running_is_noted(running));
    running_end(running);
    return first == OS_OK && i < n ? OS_ENOENT : first;
}

/* All are looked at first. */
static os_error_t
bulk_put_to_callbacks(struct os_mempool *mp, void *const *blocks, uint32_t n, uintptr_t frame,
                      const void *caller)
{
    for (uint32_t i = 0; i < n; i++) {
        int problem = block_problem(mp, blocks[i], frame, caller);

        if (problem != 0) {
            return block_refuse(mp, problem, blocks[i], caller);
        }
    }
    return bulk_run_callbacks(mp, blocks, n, frame, caller);
}

/* More blocks than the pool has. */
static os_error_t
bulk_refuse(struct os_mempool *mp, uint32_t n, const void *caller)
{
    struct osmempool_fault *fault;
    struct faults faults;

    faults_begin(&faults);
    pool_enter(mp);
    if (pool_is_checked(mp)) {
        check_look(mp, &faults);
    }
    counts_refuse(mp);
    fault = fault_note(&faults, mp, OSMEMPOOL_FAULT_TOO_MANY, NULL);
    if (fault != NULL) {
        fault->n_blocks = n;
    }
    check_rest(mp);
    pool_leave(mp);
    faults_report(&faults, caller);
    return OS_INVALID_PARM;
}

static OSMP_COLD os_error_t
bulk_put_odd(struct os_mempool *mp, void *const *blocks, uint32_t n, const void *caller)
{
    return bulk_is_absurd(mp, n) ? bulk_refuse(mp, n, caller)
                                 : bulk_put_copy(mp, blocks, n, 0, caller, bulk_put);
}

/* To an extended pool. It is jumped to, as block_put_to_callback() is. */
static OSMP_COLD os_error_t
bulk_put_extended(struct os_mempool *mp, void *const *blocks, uint32_t n, const void *caller)
{
    const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

    if (bulk_is_absurd(mp, n)) {
        return bulk_refuse(mp, n, caller);
    }
    if (bulk_is_odd(mp, blocks, n) || geometry_is_apart(mp)) {
        return bulk_put_copy(mp, blocks, n, frame, caller, bulk_put_to_callbacks);
    }
    return bulk_put_to_callbacks(mp, blocks, n, frame, caller);
}

OSMP_PUBLIC os_error_t
os_memblock_put_bulk(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    if (osmp_unlikely(mp == NULL)) {
        return fault_no_pool(mp, NULL, osmp_caller());
    }
    if (osmp_unlikely(blocks == NULL)) {
        return block_refuse(mp, OSMEMPOOL_FAULT_NULL, NULL, osmp_caller());
    }
    if (n == 0) {
        return OS_OK;
    }
    if (osmp_unlikely(block_is_extended(mp))) {
        return bulk_put_extended(mp, blocks, n, osmp_caller());
    }
    return bulk_is_odd(mp, blocks, n) ? bulk_put_odd(mp, blocks, n, osmp_caller())
                                      : bulk_put(mp, blocks, n, 0, osmp_caller());
}
OSMP_LOCAL_NAME(os_memblock_put_bulk);
