/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/enter.h"

#include "pool/freelist.h"
#include "sync/freeze.h"

/*
 * The first call after unregister: the free blocks that caches hold come to the list, or, if all
 * are free, the list is made anew. What kept them is freed with the lock given back.
 */
static void
pool_settle(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    struct cache_set *caches = NULL;

    tail->gate &= ~(uint32_t)POOL_GATE_RETIRED;
    if (tail->caches != NULL) {
        caches = cache_settle(mp);
    } else {
        freelist_chain(mp);
    }
    lock_give(&tail->lock);
    cache_free(caches);
    lock_take(&tail->lock);
}

/* An unregistered pool is never frozen, and has no other gate. */
void
pool_enter_gated(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    if ((tail->gate & POOL_GATE_RETIRED) != 0) {
        pool_settle(mp);
    }
    while (tail->gate != 0 && !freeze_is_mine()) {
        bool frozen = (tail->gate & POOL_GATE_FROZEN) != 0;

        tail->gate &= ~(uint32_t)POOL_GATE_FIRST_CALL;
        lock_give(&tail->lock);
        if (frozen) {
            freeze_wait();
        } else {
            freeze_first_call();
        }
        lock_take(&tail->lock);
    }
}

bool
pool_try_lock(struct os_mempool *mp, struct osmp_thread **owner)
{
    if (!lock_try(&pool_tail(mp)->lock)) {
        return false;
    }
    if (!owner_try_suspend(mp, owner)) {
        pool_unlock(mp);
        return false;
    }
    return true;
}

bool
pool_try_visit(struct os_mempool *mp, struct osmp_thread **owner)
{
    if (!pool_try_lock(mp, owner)) {
        return false;
    }
    if (!cache_try_pause(mp)) {
        owner_resume(mp, *owner);
        pool_unlock(mp);
        return false;
    }
    return true;
}

bool
pool_try_close(struct os_mempool *mp, struct osmp_thread **owner)
{
    if (!pool_try_lock(mp, owner)) {
        return false;
    }
    if (!cache_try_close(mp)) {
        owner_resume(mp, *owner);
        pool_unlock(mp);
        return false;
    }
    return true;
}

/* Who stays in a section now was seen outside of any a moment ago, and so is on a processor. */
bool
pool_try_tend(struct os_mempool *mp)
{
    struct osmp_thread *owner;

    if (!pool_try_visit(mp, &owner)) {
        return false;
    }
    owner_resume(mp, owner);
    cache_resume(mp);
    return true;
}
