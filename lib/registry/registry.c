/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry.h"

#include <pthread.h>

#include "base/cancel.h"
#include "base/secret.h"
#include "base/tool.h"
#include "sync/freeze.h"
#include "sync/wait.h"

enum { REGISTRY_REST_NS = 50000 };

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;

/*
 * Whether its holder could be cancelled before; guarded by it. Inside, calls are made at which a
 * cancelled thread would end and keep the mutex: for a secret, for words on standard error.
 */
static int registry_cancel;

/* The list: its first pool, and the pointer that the next pool will be hung on. */
static struct os_mempool *registry_list;
static struct os_mempool **registry_end = &registry_list;
static size_t registry_n_pools;

/* Many trees, chosen by a hash of the address: a step down misses the processor's cache. */
enum { REGISTRY_TREES_LOG = 11 };

RB_HEAD(registry_tree, pool_tail);
static struct registry_tree registry_trees[1 << REGISTRY_TREES_LOG];

/* Multiplicative hash (Knuth, The Art of Computer Programming 3, 6.4); its high bits are good. */
static struct registry_tree *
registry_tree_of(const struct os_mempool *mp)
{
    uint64_t hash = (uint64_t)(uintptr_t)mp * 0x9e3779b97f4a7c15u;

    return &registry_trees[hash >> (64 - REGISTRY_TREES_LOG)];
}

static int
registry_compare(const struct pool_tail *a, const struct pool_tail *b)
{
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

/* Not RB_GENERATE_STATIC(): that one relies on a macro that libbsd's tree.h does not define. */
RB_GENERATE_INTERNAL(registry_tree, pool_tail, by_address, registry_compare,
                     static __attribute__((unused)))

static void
registry_take(void)
{
    pthread_mutex_lock(&registry_mutex);
    registry_cancel = cancel_off();
}

static void
registry_give(void)
{
    int cancel = registry_cancel;

    pthread_mutex_unlock(&registry_mutex);
    cancel_back(cancel);
}

void
registry_enter(void)
{
    if (freeze_is_mine()) {
        return;
    }
    if (freeze_first_call_pending()) {
        freeze_first_call();
    }
    registry_take();
}

void
registry_leave(void)
{
    if (!freeze_is_mine()) {
        registry_give();
    }
}

void
registry_rest(void)
{
    registry_leave();
    sync_sleep(REGISTRY_REST_NS);
    registry_enter();
}

void
registry_lock_for_fork(void)
{
    registry_take();
}

void
registry_unlock_after_fork(void)
{
    registry_give();
}

/* A tree compares addresses only, so the key needs no content. */
bool
registry_has(const struct os_mempool *mp)
{
    struct pool_tail *key = pool_tail((struct os_mempool *)(uintptr_t)mp);

    return RB_FIND(registry_tree, registry_tree_of(mp), key) != NULL;
}

/* Of all that could be compared, the secret is what no zeroes and no other data look like. */
bool
registry_is_intact(const struct os_mempool *mp)
{
    return mp->osmp_secret == secret_word();
}

void
registry_link(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    mp->mp_list.stqe_next = NULL;
    tail->led_by = registry_end;
    *registry_end = mp;
    registry_end = &mp->mp_list.stqe_next;
    RB_INSERT(registry_tree, registry_tree_of(mp), tail);
    registry_n_pools++;
}

void
registry_unlink(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    struct os_mempool *next = mp->mp_list.stqe_next;

    *tail->led_by = next;
    if (next != NULL) {
        pool_tail(next)->led_by = tail->led_by;
    } else {
        registry_end = tail->led_by;
    }
    RB_REMOVE(registry_tree, registry_tree_of(mp), tail);
    registry_n_pools--;
}

static struct os_mempool *
registry_if_intact(struct os_mempool *mp)
{
    return mp != NULL && registry_is_intact(mp) ? mp : NULL;
}

struct os_mempool *
registry_first(void)
{
    return registry_if_intact(registry_list);
}

struct os_mempool *
registry_next(const struct os_mempool *mp)
{
    return registry_is_intact(mp) ? registry_if_intact(mp->mp_list.stqe_next) : NULL;
}

struct os_mempool *
registry_overwritten(struct os_mempool *mp)
{
    struct os_mempool *next;

    if (mp != NULL && !registry_is_intact(mp)) {
        return mp;
    }
    next = mp != NULL ? mp->mp_list.stqe_next : registry_list;
    return next != NULL && !registry_is_intact(next) ? next : NULL;
}

size_t
registry_count(void)
{
    size_t n;

    registry_enter();
    n = registry_n_pools;
    registry_leave();
    return n;
}

size_t
registry_copy(struct pool_counts *counts, size_t room)
{
    struct os_mempool *mp;
    size_t n = 0;

    registry_enter();
    for (mp = registry_first(); mp != NULL && n < room; mp = registry_next(mp)) {
        counts_read(mp, &counts[n++]);
    }
    /* Where the list has lost its rest there are no more than these. */
    if (mp != NULL || n == room) {
        n = registry_n_pools;
    }
    registry_leave();
    return n;
}
