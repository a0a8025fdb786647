/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c: a pool as a whole: made, cleared, checked. */
#include "pool/pool.h"

#include <string.h>

#include <bsd/string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "pool/block.h"
#include "pool/callback.h"
#include "pool/enter.h"
#include "pool/freelist.h"

void
pool_format(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
            const char *name, uint8_t flags)
{
    struct pool_tail *tail = pool_tail(mp);

    memset(mp, 0, sizeof(*mp));
    tool_atomics(mp, sizeof(*mp));
    geometry_set(mp, blocks, block_size, membuf);
    mp->osmp_secret = secret_of(mp);
    mp->mp_flags = flags;
    mp->name = (char *)(uintptr_t)name;
    strlcpy(tail->name, name != NULL ? name : "", sizeof(tail->name));
    lock_init(&tail->lock);
    tail->unusual = (geometry_has_key(mp) ? 0 : POOL_NO_KEY) | (tool_running() ? POOL_WATCHED : 0);
    owner_init(mp);
    if (block_is_extended(mp)) {
        callback_end_pool(mp);
    }
    freelist_chain(mp);
    mp->mp_min_free = blocks;
    counts_write(mp, counts_of(0, blocks));
}

void
pool_check(struct os_mempool *mp)
{
    check_begin(mp);
    if (check_is_wanted(mp)) {
        owner_forbid(mp);
    }
}

bool
pool_try_retire(struct os_mempool *mp, struct faults *faults, struct held *held,
                struct cache_set **caches)
{
    struct pool_tail *tail = pool_tail(mp);
    struct osmp_thread *owner;

    if (!pool_try_close(mp, &owner)) {
        return false;
    }
    owner_forget(owner);
    owner_forbid(mp);
    /* Should a fork handler unregister it: no thaw would come for those who wait at the gate. */
    tail->gate = 0;
    if (check_is_wanted(mp)) {
        check_end(mp, faults, held);
    }
    if (block_is_extended(mp)) {
        callback_end_bulk(mp);
    }
    *caches = cache_retire(mp);
    pool_unlock(mp);
    return true;
}

bool
pool_try_forget_thread(struct os_mempool *mp, struct thread *thread)
{
    if (!lock_try(&pool_tail(mp)->lock)) {
        return false;
    }
    cache_forget_thread(mp, thread);
    owner_give_up(mp, thread);
    pool_unlock(mp);
    return true;
}

/* A cache deeper than the pool is as one that holds all of it. */
static uint32_t
pool_clamp_depth(const struct os_mempool *mp, uint32_t depth)
{
    return depth < mp->mp_num_blocks ? depth : mp->mp_num_blocks;
}

/*
 * Under the lock. Pools without room for a key have no caches, as no put could tell a block that is
 * in one.
 */
static void
pool_change_cache(struct os_mempool *mp, uint32_t depth, uint32_t list_min)
{
    if (depth == 0) {
        cache_disable(mp);
    } else if (owner_is_allowed() && geometry_has_key(mp) && !check_is_wanted(mp)) {
        cache_enable(mp, depth, list_min);
    }
}

/* The quarter is rounded up. */
void
pool_set_cache(struct os_mempool *mp, uint32_t depth)
{
    const uint32_t blocks = mp->mp_num_blocks;

    depth = blocks < POOL_CACHED_MIN ? 0 : pool_clamp_depth(mp, depth);
    pool_lock(mp);
    pool_change_cache(mp, depth, blocks / 4 + (blocks % 4 != 0));
    pool_unlock(mp);
}

bool
pool_try_set_cache(struct os_mempool *mp, uint32_t depth)
{
    bool keeps;

    depth = pool_clamp_depth(mp, depth);
    keeps = cache_depth(mp) == depth;

    /* Caches that stay keep their blocks, and are not waited for. */
    if (keeps ? !lock_try(&pool_tail(mp)->lock) : !pool_try_tend(mp)) {
        return false;
    }
    pool_change_cache(mp, depth, 0);
    pool_unlock(mp);
    return true;
}

/* Inside the section; returns the mark. */
static uint32_t
pool_restart_min(struct os_mempool *mp)
{
    counts_set_u32(&mp->mp_min_free, freelist_count(mp));
    counts_set_u64(&pool_tail(mp)->min_us, clock_now_us());
    return mp->mp_min_free;
}

bool
pool_try_reset_min(struct os_mempool *mp, uint32_t *min_free)
{
    struct osmp_thread *owner;

    if (!pool_try_lock(mp, &owner)) {
        return false;
    }
    *min_free = pool_restart_min(mp);
    owner_resume(mp, owner);
    pool_unlock(mp);
    return true;
}

static struct freelist_damage
pool_inspect(struct os_mempool *mp)
{
    struct freelist_damage found;

    if (!pool_is_checked(mp)) {
        return freelist_inspect(mp);
    }
    found.what = check_inspect(mp, &found.block);
    return found;
}

bool
pool_try_check(struct os_mempool *mp, struct pool_damage *damage)
{
    struct freelist_damage found;
    struct osmp_thread *owner;

    if (!pool_try_visit(mp, &owner)) {
        return false;
    }
    found = pool_inspect(mp);
    *damage = (struct pool_damage){.what = found.what, .has_block = found.block != NULL};
    if (damage->has_block) {
        damage->block = (uint32_t)osmp_index(mp, found.block);
        damage->address = (uintptr_t)found.block;
    }
    pool_end_visit(mp, owner);
    return true;
}

/* A tracked pool has no owner and no caches. */
bool
pool_try_copy_gets(struct os_mempool *mp, struct trace_end *gets, uint32_t *n)
{
    if (!lock_try(&pool_tail(mp)->lock)) {
        return false;
    }
    *n = check_copy_gets(mp, gets);
    pool_unlock(mp);
    return true;
}

/*
 * In a visit. A put may be on its way to the callback without the lock: the function goes before
 * its argument, by the release that the acquire in block_put_extended() pairs with. The flag
 * relaxed: whoever still sees it finds no function.
 */
static void
pool_make_plain(struct os_mempool_ext *ext)
{
    struct os_mempool *mp = &ext->mpe_mp;

    __atomic_store_n(&ext->mpe_put_cb, (os_mempool_put_fn *)NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&ext->mpe_put_arg, (void *)NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&mp->mp_flags, (uint8_t)(mp->mp_flags & ~OS_MEMPOOL_F_EXT), __ATOMIC_RELAXED);
    owner_make_plain(mp);
}

/* Makes all blocks free; and the pool a plain one, if it is given as an extended one, too. */
static void
pool_clear(struct os_mempool *mp, struct os_mempool_ext *ext, const void *caller)
{
    struct faults faults;
    struct osmp_thread *owner;

    faults_begin(&faults);
    owner = pool_visit(mp);
    if (ext != NULL) {
        pool_make_plain(ext);
    }
    if (pool_is_checked(mp)) {
        check_clear(mp, &faults);
    } else {
        freelist_chain(mp);
    }
    counts_clear(mp);
    if (ext != NULL || block_is_extended(mp)) {
        callback_end_all(mp);
    }
    pool_end_visit(mp, owner);
    faults_report(&faults, caller);
}

OSMP_PUBLIC os_error_t
os_mempool_clear(struct os_mempool *mp)
{
    if (mp == NULL) {
        return OS_INVALID_PARM;
    }
    pool_clear(mp, NULL, osmp_caller());
    return OS_OK;
}
OSMP_LOCAL_NAME(os_mempool_clear);

OSMP_PUBLIC os_error_t
os_mempool_ext_clear(struct os_mempool_ext *mpe)
{
    if (mpe == NULL) {
        return OS_INVALID_PARM;
    }
    pool_clear(&mpe->mpe_mp, mpe, osmp_caller());
    return OS_OK;
}
OSMP_LOCAL_NAME(os_mempool_ext_clear);

OSMP_PUBLIC bool
os_mempool_is_sane(const struct os_mempool *mp)
{
    struct faults faults;
    struct osmp_thread *owner;
    bool sane;

    if (mp == NULL) {
        return false;
    }
    faults_begin(&faults);
    owner = pool_visit(pool_lockable(mp));
    sane = pool_is_checked(pool_lockable(mp)) ? check_is_sane(pool_lockable(mp), &faults)
                                              : freelist_inspect(mp).what == NULL;
    pool_end_visit(pool_lockable(mp), owner);
    faults_report(&faults, osmp_caller());
    return sane;
}
OSMP_LOCAL_NAME(os_mempool_is_sane);
