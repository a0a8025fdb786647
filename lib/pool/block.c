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

/* From the list of a cached pool, under the lock. */
static void *
block_get_behind_cache(struct os_mempool *mp)
{
    void *block;

    cache_before_get(mp, 1);
    block = freelist_pop(mp);
    cache_after_get(mp);
    return block;
}

static __attribute__((noinline)) void *
block_get_locked(struct os_mempool *mp)
{
    void *block;

    pool_enter(mp);
    block = osmp_unlikely(cache_is_enabled(mp)) ? block_get_behind_cache(mp) : freelist_pop(mp);
    pool_leave(mp);
    return block;
}

/* For cached and shared pools, and whatever the owner's path leaves aside. */
static __attribute__((noinline)) void *
block_get(struct os_mempool *mp)
{
    const struct cache_set *set;
    void *block = NULL;

    if (osmp_unlikely(mp == NULL)) {
        return NULL;
    }
    set = cache_set_of(mp);
    if (set != NULL) {
        block = cache_get(mp, set);
    }
    return block != NULL ? block : block_get_locked(mp);
}

OSMP_PUBLIC void *
os_memblock_get(struct os_mempool *mp)
{
    void *block = osmp_unlikely(mp == NULL) ? NULL : osmp_owner_get(mp);

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

/* To the list of a cached pool, under the lock. */
static os_error_t
block_put_behind_cache(struct os_mempool *mp, void *block)
{
    os_error_t error;

    if (!geometry_holds(mp, block) || cache_has(mp, block)) {
        return freelist_refuse(mp);
    }
    cache_before_put(mp);
    error = freelist_push(mp, block);
    counts_add_puts(mp, error == OS_OK);
    return error;
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

/* As block_get(). */
static __attribute__((noinline)) os_error_t
block_put(struct os_mempool *mp, void *block)
{
    const struct cache_set *set;

    if (osmp_unlikely(mp == NULL)) {
        return OS_INVALID_PARM;
    }
    set = cache_set_of(mp);
    if (set != NULL && cache_put(mp, set, block)) {
        return OS_OK;
    }
    return block_put_locked(mp, block);
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
    if (osmp_likely(mp != NULL && osmp_owner_put(mp, block_addr))) {
        return OS_OK;
    }
    return block_is_extended(mp) ? block_put_extended(mp, block_addr) : block_put(mp, block_addr);
}

OSMP_PUBLIC os_error_t
os_memblock_put_from_cb(struct os_mempool *mp, void *block_addr)
{
    /* Asked first: once the block is back, another thread may have done with the pool. */
    bool extended = block_is_extended(mp);
    os_error_t error = block_put(mp, block_addr);

    if (extended && error == OS_OK) {
        callback_released(mp, block_addr);
    }
    return error;
}
