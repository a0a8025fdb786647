/* SPDX-License-Identifier: Apache-2.0 */
/* bulk.c: many blocks in one section. */
#include "base/compiler.h"
#include "osmempool.h"
#include "pool/block.h"
#include "pool/cache_table.h"
#include "pool/enter.h"
#include "pool/freelist.h"

/* Under the lock. A call that finds too few blocks counts as one failed get. */
static bool
bulk_get_locked(struct os_mempool *mp, void **blocks, uint32_t n)
{
    bool done = cache_is_enabled(mp) ? cache_get_bulk_locked(mp, blocks, n)
                                     : freelist_pop_all(mp, blocks, n);

    if (!done) {
        freelist_fail(mp);
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

OSMP_PUBLIC os_error_t
os_memblock_get_bulk(struct os_mempool *mp, void **blocks, uint32_t n)
{
    struct cache *cache;
    bool done;

    if (mp == NULL || blocks == NULL) {
        return OS_INVALID_PARM;
    }
    if (n == 0 || bulk_get_owned(mp, blocks, n)) {
        return OS_OK;
    }
    cache = bulk_cache(mp);
    if (cache != NULL && cache_get_bulk(mp, cache, blocks, n)) {
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
    bool done;

    if (!bulk_is_doubtful(mp, blocks, n)) {
        return cache_put_bulk_locked(mp, blocks, n);
    }
    cache_pause(mp);
    done = cache_put_bulk_on_list(mp, blocks, n);
    cache_resume(mp);
    return done;
}

static os_error_t
bulk_put(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    struct cache *cache = bulk_cache(mp);
    bool done;

    if (cache != NULL && cache_put_bulk(mp, cache, blocks, n)) {
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
