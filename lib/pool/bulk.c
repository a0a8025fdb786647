/* SPDX-License-Identifier: Apache-2.0 */
/* bulk.c: many blocks in one section. */
#include "base/compiler.h"
#include "osmempool.h"
#include "pool/block.h"
#include "pool/enter.h"
#include "pool/freelist.h"

/* Under the lock. A call that finds too few blocks counts as one failed get. */
static bool
bulk_get_locked(struct os_mempool *mp, void **blocks, uint32_t n)
{
    bool cached = cache_is_enabled(mp);
    bool done;

    if (cached) {
        cache_before_get(mp, n);
    }
    done = freelist_pop_all(mp, blocks, n);
    if (!done) {
        freelist_fail(mp);
    } else if (cached) {
        cache_after_get(mp);
    }
    return done;
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

OSMP_PUBLIC os_error_t
os_memblock_get_bulk(struct os_mempool *mp, void **blocks, uint32_t n)
{
    const struct cache_set *set;
    bool done;

    if (mp == NULL || blocks == NULL) {
        return OS_INVALID_PARM;
    }
    if (n == 0 || bulk_get_owned(mp, blocks, n)) {
        return OS_OK;
    }
    set = cache_set_of(mp);
    if (set != NULL && cache_get_bulk(mp, set, blocks, n)) {
        return OS_OK;
    }
    pool_enter(mp);
    done = bulk_get_locked(mp, blocks, n);
    pool_leave(mp);
    return done ? OS_OK : OS_ENOMEM;
}

static bool
bulk_put_owned(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    struct osmp_thread *me = osmp_enter(mp);
    bool done;

    if (osmp_unlikely(me == NULL)) {
        return false;
    }
    done = freelist_push_all(mp, blocks, n);
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
static bool
bulk_put_behind_cache(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    bool doubtful = bulk_is_doubtful(mp, blocks, n);
    bool done;

    cache_before_put(mp);
    if (doubtful) {
        cache_pause(mp);
    }
    done = freelist_push_all(mp, blocks, n);
    counts_add_puts(mp, done ? n : 0);
    if (doubtful) {
        cache_resume(mp);
    }
    return done;
}

static os_error_t
bulk_put(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    const struct cache_set *set = cache_set_of(mp);
    bool done;

    if (set != NULL && cache_put_bulk(mp, set, blocks, n)) {
        return OS_OK;
    }
    pool_enter(mp);
    done = cache_is_enabled(mp) ? bulk_put_behind_cache(mp, blocks, n)
                                : freelist_push_all(mp, blocks, n);
    if (!done) {
        freelist_refuse(mp);
    }
    pool_leave(mp);
    return done ? OS_OK : OS_INVALID_PARM;
}

/* All are looked at first; then each goes its own way, whatever becomes of the others. */
static os_error_t
bulk_put_extended(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    os_error_t first = OS_OK;

    for (uint32_t i = 0; i < n; i++) {
        if (!block_looks_out(mp, blocks[i])) {
            return block_refuse(mp);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        os_error_t error = os_memblock_put(mp, blocks[i]);

        first = first == OS_OK ? error : first;
    }
    return first;
}

OSMP_PUBLIC os_error_t
os_memblock_put_bulk(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    if (mp == NULL || blocks == NULL) {
        return OS_INVALID_PARM;
    }
    if (n == 0 || bulk_put_owned(mp, blocks, n)) {
        return OS_OK;
    }
    return block_is_extended(mp) ? bulk_put_extended(mp, blocks, n) : bulk_put(mp, blocks, n);
}
