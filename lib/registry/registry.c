/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry.h"

#include <pthread.h>

#include "base/cancel.h"
#include "base/secret.h"
#include "check/check.h"
#include "sync/freeze.h"
#include "sync/mutex.h"
#include "sync/wait.h"

enum { REGISTRY_REST_NS = 50000 };

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;

/*
 * Whether its holder could be cancelled before; guarded by it. Inside, calls are made at which a
 * cancelled thread would end and keep the mutex: for a secret, for words on standard error.
 */
static int registry_cancel;

/* Registered pools; dropped ones; retired ones. The last two hold nodes that keep something. */
static struct node_list registry_lists[NODE_RETIRED + 1];
static size_t registry_n_pools;
static uint64_t registry_last_id;
static struct registry_totals registry_counted;

/* Many trees, chosen by a hash of the address: a step down misses the processor's cache. */
enum { REGISTRY_TREES_LOG = 11 };

RB_HEAD(registry_tree, node);
static struct registry_tree registry_trees[1 << REGISTRY_TREES_LOG];

/* Multiplicative hash (Knuth, The Art of Computer Programming 3, 6.4); its high bits are good. */
static struct registry_tree *
registry_tree_of(const struct os_mempool *mp)
{
    uint64_t hash = (uint64_t)(uintptr_t)mp * 0x9e3779b97f4a7c15u;

    return &registry_trees[hash >> (64 - REGISTRY_TREES_LOG)];
}

static int
registry_compare(const struct node *a, const struct node *b)
{
    return ((uintptr_t)a->mp > (uintptr_t)b->mp) - ((uintptr_t)a->mp < (uintptr_t)b->mp);
}

/* Not RB_GENERATE_STATIC(): that one relies on a macro that libbsd's tree.h does not define. */
RB_GENERATE_INTERNAL(registry_tree, node, by_address, registry_compare,
                     static __attribute__((unused)))

__attribute__((constructor(102))) static void
registry_start(void)
{
    mutex_tell_tools(&registry_mutex);
}

static void
registry_take(void)
{
    mutex_take(&registry_mutex);
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

/* Whatever its state is. */
static struct node *
registry_look_up(const struct os_mempool *mp)
{
    struct node key = {.mp = (struct os_mempool *)(uintptr_t)mp};

    return RB_FIND(registry_tree, registry_tree_of(mp), &key);
}

struct node *
registry_find(const struct os_mempool *mp)
{
    struct node *node = registry_look_up(mp);

    return node != NULL && node->state == NODE_REGISTERED ? node : NULL;
}

/* Of all that could be compared, the secret is what no zeroes and no other data look like. */
bool
registry_is_intact(const struct node *node)
{
    return node->mp->osmp_secret == secret_of(node->mp);
}

struct node *
registry_find_intact(const struct os_mempool *mp)
{
    struct node *node = registry_find(mp);

    return node != NULL && registry_is_intact(node) ? node : NULL;
}

static struct node *
registry_skip_overwritten(struct node *node)
{
    while (node != NULL && !registry_is_intact(node)) {
        node = node->next;
    }
    return node;
}

struct node *
registry_first(void)
{
    return registry_skip_overwritten(registry_lists[NODE_REGISTERED].first);
}

struct node *
registry_next(const struct node *node)
{
    return registry_skip_overwritten(node->next);
}

struct node *
registry_first_any(void)
{
    return registry_lists[NODE_REGISTERED].first;
}

struct node *
registry_first_dropped(void)
{
    return registry_lists[NODE_DROPPED].first;
}

struct node *
registry_first_over(void)
{
    struct node *dropped = registry_first_dropped();

    return dropped != NULL ? dropped : registry_lists[NODE_RETIRED].first;
}

struct node *
registry_next_over(const struct node *node)
{
    bool last_dropped = node->next == NULL && node->state == NODE_DROPPED;

    return last_dropped ? registry_lists[NODE_RETIRED].first : node->next;
}

/* Acquire: pairs with the release of a pool's call that took a pointer out and frees what it
 * pointed to; the node is used again after that. */
static bool
registry_keeps_nothing(const struct node *node)
{
    return __atomic_load_n(&node->keep.caches, __ATOMIC_ACQUIRE) == NULL &&
           __atomic_load_n(&node->keep.record, __ATOMIC_ACQUIRE) == NULL;
}

static void
registry_unlink(struct node *node)
{
    node_unlink(&registry_lists[node->state], node);
    registry_n_pools -= node->state == NODE_REGISTERED;
}

static void
registry_remove(struct node *node)
{
    RB_REMOVE(registry_tree, registry_tree_of(node->mp), node);
    node_free(node);
}

/* A node leaves the list of registered pools, and is over unless it keeps something. */
static void
registry_move(struct node *node, enum node_state state)
{
    registry_unlink(node);
    if (registry_keeps_nothing(node)) {
        registry_remove(node);
    } else {
        node->state = state;
        node_append(&registry_lists[state], node);
    }
}

/*
 * Nodes of retired pools whose own calls have freed all. Two a time, so that there are never more
 * of them than of others, and no call looks at all.
 */
static void
registry_sweep_retired(void)
{
    struct node_list *retired = &registry_lists[NODE_RETIRED];

    for (int i = 0; i < 2 && retired->first != NULL; i++) {
        registry_move(retired->first, NODE_RETIRED);
    }
}

/* Nobody else has what the node keeps: neither the pool's calls, which are over, nor another
 * thread with the mutex. */
static void
registry_forget(struct node *node, struct cache_set **caches)
{
    struct record *record = __atomic_exchange_n(&node->keep.record, NULL, __ATOMIC_ACQUIRE);

    *caches = __atomic_exchange_n(&node->keep.caches, NULL, __ATOMIC_ACQUIRE);
    if (record != NULL) {
        check_forget(record);
    }
    registry_unlink(node);
    registry_remove(node);
}

void
registry_forget_dropped(const struct os_mempool *mp, struct cache_set **caches)
{
    struct node *node = registry_look_up(mp);

    *caches = NULL;
    if (node != NULL && node->state == NODE_DROPPED) {
        registry_forget(node, caches);
    }
}

struct node *
registry_find_any(const struct os_mempool *mp)
{
    registry_sweep_retired();
    return registry_look_up(mp);
}

struct node *
registry_renew(struct node *former, struct cache_set **caches)
{
    struct node *node;

    *caches = NULL;
    if (former != NULL) {
        registry_counted.reinits += former->state == NODE_REGISTERED;
        registry_forget(former, caches);
    }
    node = node_new();
    if (node != NULL) {
        node->identity.id = ++registry_last_id;
    }
    return node;
}

void
registry_link(struct node *node)
{
    node->state = NODE_REGISTERED;
    node_append(&registry_lists[NODE_REGISTERED], node);
    RB_INSERT(registry_tree, registry_tree_of(node->mp), node);
    registry_n_pools++;
}

void
registry_drop(struct node *node)
{
    if (node->keep.record != NULL) {
        check_drop(node->keep.record);
    }
    registry_move(node, NODE_DROPPED);
}

void
registry_drop_all(void)
{
    struct node *node;

    while ((node = registry_first_any()) != NULL) {
        registry_counted.dropped++;
        registry_drop(node);
    }
}

void
registry_retire(struct node *node)
{
    registry_move(node, NODE_RETIRED);
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

struct registry_totals
registry_totals(void)
{
    struct registry_totals totals;

    registry_enter();
    totals = registry_counted;
    registry_leave();
    return totals;
}

size_t
registry_copy(struct registry_row *rows, size_t room)
{
    size_t n = 0;

    registry_enter();
    for (struct node *node = registry_first(); node != NULL; node = registry_next(node)) {
        if (n < room) {
            rows[n].identity = node->identity;
            counts_read(node->mp, &rows[n].counts);
        }
        n++;
    }
    registry_leave();
    return n;
}
