/* SPDX-License-Identifier: Apache-2.0 */
/* block.c: blocks go out and come back. */
#include "pool/block.h"
#include "base/compiler.h"
#include "osmempool.h"
#include "pool/cache_path.h"
#include "pool/callback.h"
#include "pool/enter.h"
#include "pool/freelist.h"

static inline bool
block_is_of(const struct os_mempool *mp, const void *block)
{
    return mp != NULL && block != NULL && geometry_holds(mp, block);
}

OSMP_PUBLIC int
os_memblock_from(const struct os_mempool *mp, const void *block_addr)
{
    return block_is_of(mp, block_addr);
}
OSMP_LOCAL_NAME(os_memblock_from);

/* Of a pool that was never initialised the step is 0. */
OSMP_PUBLIC size_t
os_mempool_stride(const struct os_mempool *mp)
{
    return mp != NULL ? geometry_step(mp) : 0;
}
OSMP_LOCAL_NAME(os_mempool_stride);

/* Mostly the start of a block, which needs no division. */
OSMP_PUBLIC uint32_t
os_memblock_index(const struct os_mempool *mp, const void *address)
{
    size_t offset;

    if (block_is_of(mp, address)) {
        return (uint32_t)osmp_index(mp, address);
    }
    return mp != NULL ? geometry_find(mp, (uintptr_t)address, &offset) : UINT32_MAX;
}
OSMP_LOCAL_NAME(os_memblock_index);

OSMP_PUBLIC void *
os_memblock_at(const struct os_mempool *mp, uint32_t index)
{
    return mp != NULL && index < mp->mp_num_blocks ? geometry_at(mp, index) : NULL;
}
OSMP_LOCAL_NAME(os_memblock_at);

/* In the section, which it leaves: whatever is not plain. */
static __attribute__((noinline)) void *
block_get_unusual(struct os_mempool *mp, const void *caller)
{
    struct faults faults;
    void *block;

    faults_begin(&faults);
    if (osmp_unlikely(pool_is_checked(mp))) {
        block = check_get(mp, caller, &faults);
    } else if (cache_is_enabled(mp)) {
        block = cache_get_locked(mp, &faults);
    } else {
        block = freelist_pop_slow(mp, &faults);
    }
    pool_leave(mp);
    faults_report(&faults, caller);
    return block;
}

static __attribute__((noinline)) void *
block_get_locked(struct os_mempool *mp, const void *caller)
{
    void *block = NULL;

    pool_enter(mp);
    if (osmp_likely(pool_is_usual(mp))) {
        block = osmp_pop(mp);
    }
    if (osmp_unlikely(block == NULL)) {
        return block_get_unusual(mp, caller);
    }
    pool_leave(mp);
    return block;
}

/* The caller's cache if it is open, wherever it is. The set is loaded anew, so that the way through
 * the home need not keep it. */
static struct cache *
block_cache_beside(const struct os_mempool *mp)
{
    const struct cache_set *set = cache_set_of(mp);

    return set != NULL ? cache_table_beside(set) : NULL;
}

/* In a cached pool that has another's cache, or a closed or empty one, at the caller's home. */
static __attribute__((noinline)) void *
block_get_beside(struct os_mempool *mp, const void *caller)
{
    struct cache *cache = block_cache_beside(mp);
    void *block;

    if (cache != NULL && cache_get(mp, cache, osmp_thread_pointer(), &block)) {
        return block;
    }
    return block_get_locked(mp, caller);
}

/* Through the cache at the caller's home, or wherever else. */
static inline void *
block_get_home(struct os_mempool *mp, const void *caller)
{
    const struct cache_set *set = cache_set_of(mp);
    uintptr_t tp;
    void *block;

    if (osmp_likely(set == NULL)) {
        return block_get_locked(mp, caller);
    }
    tp = osmp_thread_pointer();
    if (cache_get(mp, cache_table_home(set, tp), tp, &block)) {
        return block;
    }
    return block_get_beside(mp, caller);
}

/* Whatever comes out now is in no callback. */
static OSMP_COLD void *
block_get_extended(struct os_mempool *mp, const void *caller)
{
    void *block = block_get_home(mp, caller);

    if (block != NULL) {
        callback_end(mp, block);
    }
    return block;
}

/* Whatever is not the owner's and did not go through a cache that the pool leads to. */
static __attribute__((noinline)) void *
block_get_past(struct os_mempool *mp, const void *caller)
{
    return osmp_unlikely(block_is_extended(mp)) ? block_get_extended(mp, caller)
                                                : block_get_home(mp, caller);
}

/* Through the caller's cache, if the pool leads to it. The caller's address is asked for where it
 * is needed: the way through the cache shall not carry it. */
OSMP_WITHIN void *
block_get(struct os_mempool *mp)
{
    const uintptr_t tp = osmp_thread_pointer();
    const struct pool_near *near = cache_near(mp, tp);
    void *block;

    if (osmp_likely(near != NULL)) {
        return osmp_likely(cache_get(mp, cache_near_cache(near), tp, &block))
                   ? block
                   : block_get_locked(mp, osmp_caller());
    }
    return block_get_past(mp, osmp_caller());
}

OSMP_PUBLIC OSMP_HOT void *
os_memblock_get(struct os_mempool *mp)
{
    void *block;

    if (osmp_unlikely(mp == NULL)) {
        return NULL;
    }
    block = osmp_owner_get(mp);
    return block != NULL ? block : block_get(mp);
}
OSMP_LOCAL_NAME(os_memblock_get);

OSMP_COLD os_error_t
block_refuse(struct os_mempool *mp, int problem, const void *block, const void *caller)
{
    struct faults faults;

    faults_begin(&faults);
    pool_enter(mp);
    if (pool_is_checked(mp)) {
        check_look(mp, &faults);
    }
    check_refuse(&faults, mp, problem, block);
    check_rest(mp);
    pool_leave(mp);
    faults_report(&faults, caller);
    return OS_INVALID_PARM;
}

/* To a cached pool, under the lock. */
static os_error_t
block_put_behind_cache(struct os_mempool *mp, void *block, struct faults *faults)
{
    if (!geometry_holds(mp, block)) {
        return fault_refuse(faults, mp, fault_kind_of_stray(mp, block), block);
    }
    if (cache_has(mp, block)) {
        return fault_refuse(faults, mp, OSMEMPOOL_FAULT_DOUBLE_PUT, block);
    }
    return cache_put_locked(mp, block, faults);
}

/* As block_get_unusual(). */
static __attribute__((noinline)) os_error_t
block_put_unusual(struct os_mempool *mp, void *block, const void *caller)
{
    struct faults faults;
    os_error_t error;

    faults_begin(&faults);
    if (osmp_unlikely(pool_is_checked(mp))) {
        error = check_put(mp, block, caller, &faults);
    } else if (cache_is_enabled(mp)) {
        error = block_put_behind_cache(mp, block, &faults);
    } else {
        error = freelist_push(mp, block, &faults);
    }
    pool_leave(mp);
    faults_report(&faults, caller);
    return error;
}

static __attribute__((noinline)) os_error_t
block_put_locked(struct os_mempool *mp, void *block, const void *caller)
{
    pool_enter(mp);
    if (osmp_unlikely(!pool_is_usual(mp) || !osmp_push(mp, block))) {
        return block_put_unusual(mp, block, caller);
    }
    pool_leave(mp);
    return OS_OK;
}

/* As block_get_beside(). */
static __attribute__((noinline)) os_error_t
block_put_beside(struct os_mempool *mp, void *block, const void *caller)
{
    struct cache *cache = block_cache_beside(mp);

    if (cache != NULL && cache_put(mp, cache, osmp_thread_pointer(), block)) {
        return OS_OK;
    }
    return block_put_locked(mp, block, caller);
}

/* As block_get_past(), without a callback. */
static __attribute__((noinline)) os_error_t
block_put_past(struct os_mempool *mp, void *block, const void *caller)
{
    const struct cache_set *set = cache_set_of(mp);
    uintptr_t tp;

    if (osmp_likely(set == NULL)) {
        return block_put_locked(mp, block, caller);
    }
    tp = osmp_thread_pointer();
    if (cache_put(mp, cache_table_home(set, tp), tp, block)) {
        return OS_OK;
    }
    return block_put_beside(mp, block, caller);
}

/* In the section, which it leaves: the look of a checked pool. What a callback does with the block
 * is its own business, so this is where the put looks at the rest. */
static OSMP_COLD bool
block_is_free_checked(struct os_mempool *mp, const void *block, const void *caller)
{
    struct faults faults;
    bool is_free = check_has(mp, block);

    faults_begin(&faults);
    if (!is_free) {
        check_look(mp, &faults);
    }
    pool_leave(mp);
    faults_report(&faults, caller);
    return is_free;
}

/* Whether a block of the pool is free. */
static bool
block_is_free(struct os_mempool *mp, void *block, const void *caller)
{
    bool is_free;

    pool_enter(mp);
    if (osmp_unlikely(pool_is_checked(mp))) {
        return block_is_free_checked(mp, block, caller);
    }
    is_free = cache_has(mp, block);
    pool_leave(mp);
    return is_free;
}

/* The callback of an extended pool, which its user may assign at any time; NULL for none. Relaxed:
 * a put that meets os_mempool_ext_clear() may go either way. */
static os_mempool_put_fn *
block_callback(const struct os_mempool *mp)
{
    return __atomic_load_n(&((const struct os_mempool_ext *)mp)->mpe_put_cb, __ATOMIC_RELAXED);
}

/*
 * A first look only, which marks nothing: of two puts of one block at once, both callbacks run and
 * os_memblock_put_from_cb() lets one of them succeed.
 */
int
block_problem(struct os_mempool *mp, void *block, uintptr_t frame, const void *caller)
{
    if (!block_is_of(mp, block)) {
        return fault_kind_of_stray(mp, block);
    }
    if (block_callback(mp) != NULL && callback_is_running(mp, block, frame)) {
        return OSMEMPOOL_FAULT_IN_CALLBACK;
    }
    return block_is_free(mp, block, caller) ? OSMEMPOOL_FAULT_DOUBLE_PUT : 0;
}

/* What is put past the callback, and no longer in one. */
static os_error_t
block_put_released(struct os_mempool *mp, void *block, const void *caller)
{
    /* Before: once the block is free, it may be another's, and in another callback. */
    callback_end(mp, block);
    return block_put_past(mp, block, caller);
}

os_error_t
block_put_extended(struct os_mempool *mp, void *block, uintptr_t frame, const void *caller)
{
    struct os_mempool_ext *ext = (struct os_mempool_ext *)mp;
    /* Acquire: pairs with the release in pool_make_plain(), which takes the function away before
     * its argument; no function is called with an argument that is not its own. */
    void *arg = __atomic_load_n(&ext->mpe_put_arg, __ATOMIC_ACQUIRE);
    os_mempool_put_fn *put_cb = block_callback(mp);
    int problem;

    if (put_cb == NULL) {
        return block_put_released(mp, block, caller);
    }
    problem = block_problem(mp, block, frame, caller);
    if (problem != 0) {
        return block_refuse(mp, problem, block, caller);
    }
    return callback_run(ext, put_cb, arg, block, frame);
}

/* It is jumped to, so its frame is where that of the exported function would be. */
static OSMP_COLD os_error_t
block_put_to_callback(struct os_mempool *mp, void *block, const void *caller)
{
    return block_put_extended(mp, block, (uintptr_t)__builtin_frame_address(0), caller);
}

/* As block_get(). */
OSMP_WITHIN os_error_t
block_put(struct os_mempool *mp, void *block)
{
    const uintptr_t tp = osmp_thread_pointer();
    const struct pool_near *near = cache_near(mp, tp);

    if (osmp_likely(near != NULL)) {
        return osmp_likely(cache_put(mp, cache_near_cache(near), tp, block))
                   ? OS_OK
                   : block_put_locked(mp, block, osmp_caller());
    }
    return osmp_unlikely(block_is_extended(mp)) ? block_put_to_callback(mp, block, osmp_caller())
                                                : block_put_past(mp, block, osmp_caller());
}

OSMP_PUBLIC OSMP_HOT os_error_t
os_memblock_put(struct os_mempool *mp, void *block_addr)
{
    if (osmp_unlikely(mp == NULL)) {
        return fault_no_pool(mp, block_addr, osmp_caller());
    }
    return osmp_owner_put(mp, block_addr) ? OS_OK : block_put(mp, block_addr);
}
OSMP_LOCAL_NAME(os_memblock_put);

OSMP_PUBLIC os_error_t
os_memblock_put_from_cb(struct os_mempool *mp, void *block_addr)
{
    if (mp == NULL) {
        return fault_no_pool(mp, block_addr, osmp_caller());
    }
    return block_is_extended(mp) ? block_put_released(mp, block_addr, osmp_caller())
                                 : block_put_past(mp, block_addr, osmp_caller());
}
OSMP_LOCAL_NAME(os_memblock_put_from_cb);
