/* SPDX-License-Identifier: Apache-2.0 */
/* bulk.c: many blocks in one section. */
#include "base/compiler.h"
#include "osmempool.h"
#include "pool/block.h"
#include "pool/enter.h"
#include "pool/freelist.h"

/* The list has n blocks; fewer come out only if a damaged link cuts it off. */
static uint32_t
bulk_pop(struct os_mempool *mp, void **blocks, uint32_t n)
{
    uint32_t taken = 0;

    while (taken < n && (blocks[taken] = freelist_pop(mp)) != NULL) {
        taken++;
    }
    return taken;
}

/* Puts n blocks on the list, or none and takes back what it put. */
static bool
bulk_push(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    uint32_t put = 0;

    while (put < n && freelist_push(mp, blocks[put]) == OS_OK) {
        put++;
    }
    if (osmp_unlikely(put < n)) {
        freelist_unpush(mp, put);
    }
    return put == n;
}

/* Under the lock. A call that finds too few blocks counts as one failed get. */
static bool
bulk_get_locked(struct os_mempool *mp, void **blocks, uint32_t n)
{
    bool cached = cache_is_enabled(mp);
    uint32_t taken;

    if (cached) {
        cache_before_get(mp, n);
    }
    if (freelist_count(mp) < n) {
        freelist_fail(mp);
        return false;
    }
    taken = bulk_pop(mp, blocks, n);
    if (osmp_unlikely(taken < n)) {
        bulk_push(mp, blocks, taken);
        counts_add_puts(mp, cached ? taken : 0);
        return false;
    }
    if (cached) {
        cache_after_get(mp);
    }
    return true;
}

/* In the owner's section: false, and nothing done, unless every one is sure to be plain. */
static bool
bulk_get_owned(struct os_mempool *mp, void **blocks, uint32_t n)
{
    struct osmp_thread *me = osmp_enter(mp);
    uint32_t taken = 0;

    if (osmp_unlikely(me == NULL)) {
        return false;
    }
    while (taken < n && (blocks[taken] = osmp_pop(mp)) != NULL) {
        taken++;
    }
    if (osmp_unlikely(taken < n)) {
        freelist_unpop(mp, blocks, taken);
    }
    osmp_leave(me);
    return taken == n;
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

/* In the owner's section; false, and nothing done, unless every one is plain. */
static bool
bulk_put_owned(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    struct osmp_thread *me = osmp_enter(mp);
    uint32_t put = 0;

    if (osmp_unlikely(me == NULL)) {
        return false;
    }
    while (put < n && osmp_push(mp, blocks[put])) {
        put++;
    }
    if (osmp_unlikely(put < n)) {
        freelist_unpush(mp, put);
    }
    osmp_leave(me);
    return put == n;
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
    done = bulk_push(mp, blocks, n);
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
    done = cache_is_enabled(mp) ? bulk_put_behind_cache(mp, blocks, n) : bulk_push(mp, blocks, n);
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
