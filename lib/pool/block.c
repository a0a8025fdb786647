/* SPDX-License-Identifier: Apache-2.0 */
/* block.c: blocks go out and come back. */
#include "pool/block.h"
#include "base/compiler.h"
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

static __attribute__((noinline)) void *
block_get_locked(struct os_mempool *mp)
{
    void *block;

    pool_enter(mp);
    block = osmp_unlikely(cache_is_enabled(mp)) ? cache_get_locked(mp) : freelist_pop(mp);
    pool_leave(mp);
    return block;
}

/* In a cached pool that has another's cache, or a closed or empty one, at the caller's home.
 */
static __attribute__((noinline)) void *
block_get_beside(struct os_mempool *mp, const struct cache_set *set)
{
    struct cache *cache = cache_table_beside(set);
    void *block;

    if (cache != NULL && cache_get(mp, cache, osmp_thread_pointer(), &block)) {
        return block;
    }
    return block_get_locked(mp);
}

/* For cached and shared pools, and whatever the owner's path leaves aside. */
static inline void *
block_get(struct os_mempool *mp)
{
    const struct cache_set *set = cache_set_of(mp);
    const uintptr_t tp = osmp_thread_pointer();
    void *block;

    if (osmp_unlikely(set == NULL)) {
        return block_get_locked(mp);
    }
    if (osmp_likely(cache_get(mp, cache_table_home(set, tp), tp, &block))) {
        return block;
    }
    return block_get_beside(mp, set);
}

OSMP_PUBLIC void *
os_memblock_get(struct os_mempool *mp)
{
    void *block;

    if (osmp_unlikely(mp == NULL)) {
        return NULL;
    }
    block = osmp_owner_get(mp);
    return osmp_likely(block != NULL) ? block : block_get(mp);
}

OSMP_COLD os_error_t
block_refuse(struct os_mempool *mp)
{
    pool_enter(mp);
    freelist_refuse(mp);
    pool_leave(mp);
    return OS_INVALID_PARM;
}

/* To a cached pool, under the lock. */
static os_error_t
block_put_behind_cache(struct os_mempool *mp, void *block)
{
    if (!geometry_holds(mp, block) || cache_has(mp, block)) {
        return freelist_refuse(mp);
    }
    return cache_put_locked(mp, block);
}

static __attribute__((noinline)) os_error_t
block_put_locked(struct os_mempool *mp, void *block)
{
    os_error_t error;

    pool_enter(mp);
    error = osmp_unlikely(cache_is_enabled(mp)) ? block_put_behind_cache(mp, block)
                                                : freelist_push(mp, block);
    pool_leave(mp);
    return error;
}

/* As block_get_beside(). */
static __attribute__((noinline)) os_error_t
block_put_beside(struct os_mempool *mp, void *block, const struct cache_set *set)
{
    struct cache *cache = cache_table_beside(set);

    if (cache != NULL && cache_put(mp, cache, osmp_thread_pointer(), block)) {
        return OS_OK;
    }
    return block_put_locked(mp, block);
}

/* As block_get(). */
static inline os_error_t
block_put(struct os_mempool *mp, void *block)
{
    const struct cache_set *set = cache_set_of(mp);
    const uintptr_t tp = osmp_thread_pointer();

    if (osmp_unlikely(set == NULL)) {
        return block_put_locked(mp, block);
    }
    if (osmp_likely(cache_put(mp, cache_table_home(set, tp), tp, block))) {
        return OS_OK;
    }
    return block_put_beside(mp, block, set);
}

/*
 * A first look only, which marks nothing: of two puts of one block at once, both callbacks run and
 * os_memblock_put_from_cb() lets one of them succeed.
 */
bool
block_looks_out(struct os_mempool *mp, void *block)
{
    bool is_free;

    if (!block_is_of(mp, block) || callback_is_running(mp, block)) {
        return false;
    }
    pool_enter(mp);
    is_free = cache_has(mp, block);
    pool_leave(mp);
    return !is_free;
}

OSMP_COLD static os_error_t
block_put_extended(struct os_mempool *mp, void *block)
{
    struct os_mempool_ext *ext = (struct os_mempool_ext *)mp;
    os_mempool_put_fn *put_cb = ext->mpe_put_cb;

    if (put_cb == NULL) {
        return block_put(mp, block);
    }
    /* From here, not from deeper, so that a put from where longjmp led to finds nothing left. */
    callback_drop_left((uintptr_t)__builtin_frame_address(0));
    if (!block_looks_out(mp, block)) {
        return block_refuse(mp);
    }
    return callback_run(ext, put_cb, block);
}

OSMP_PUBLIC os_error_t
os_memblock_put(struct os_mempool *mp, void *block_addr)
{
    if (osmp_unlikely(mp == NULL)) {
        return OS_INVALID_PARM;
    }
    if (osmp_likely(osmp_owner_put(mp, block_addr))) {
        return OS_OK;
    }
    return block_is_extended(mp) ? block_put_extended(mp, block_addr) : block_put(mp, block_addr);
}

OSMP_PUBLIC os_error_t
os_memblock_put_from_cb(struct os_mempool *mp, void *block_addr)
{
    bool extended;
    os_error_t error;

    if (mp == NULL) {
        return OS_INVALID_PARM;
    }
    /* Asked first: once the block is back, another thread may have done with the pool. */
    extended = block_is_extended(mp);
    error = block_put(mp, block_addr);
    if (extended && error == OS_OK) {
        callback_released(mp, block_addr);
    }
    return error;
}
