/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.c: pools across fork().
 *
 * prepare  takes the freeze and the registry's mutex; marks every pool frozen, one at a time under
 *          its lock, and stops its owner and caches in the same go; then one barrier, and it waits
 *          for owners and caches that are in a section still. So no thread is inside a section at
 *          the moment of the fork, and the child's memory holds every pool as its last section
 *          left it, its caches' blocks on its list. Three mutexes are held, however many pools
 *          there are.
 * parent   gives ownership and caches back, takes the marks off and lets the waiting threads go on.
 * child    has this one thread. A pool's lock may look taken there, by a thread that was about to
 *          see the mark; all of them are made anew, none is given. The three mutexes are this
 *          thread's own and plain (not priority-inheriting), so they are given as in the parent.
 *
 * A pool that is not registered is not frozen: if another thread has its lock at the fork, its
 * state in the child is undefined. The caches of one that was dropped are the library's memory, and
 * are reset in the child, which else would wait for ever for threads that it does not have.
 */
#include <pthread.h>

#include "base/arena.h"
#include "base/maps.h"
#include "base/memory.h"
#include "pool/enter.h"
#include "registry/registry.h"
#include "sync/freeze.h"

/* Marks a pool frozen and stops its owner and its caches, in one go; true if there were any. */
static bool
fork_freeze(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    bool stopped;

    lock_take(&tail->lock);
    tail->frozen_owner = owner_stop(mp);
    stopped = cache_stop(mp) || tail->frozen_owner != NULL;
    tail->gate |= POOL_GATE_FROZEN;
    lock_give(&tail->lock);
    return stopped;
}

static void
fork_thaw(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    lock_take(&tail->lock);
    tail->gate &= ~(uint32_t)POOL_GATE_FROZEN;
    owner_resume(mp, tail->frozen_owner);
    cache_resume(mp);
    tail->frozen_owner = NULL;
    lock_give(&tail->lock);
}

/* In the child nobody else is there: no lock is taken, and every pool starts shared. */
static void
fork_renew(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    lock_init(&tail->lock);
    tail->gate = freeze_first_call_pending() ? POOL_GATE_FIRST_CALL : 0;
    tail->frozen_owner = NULL;
    mp->osmp_owner = NULL;
    cache_disown(mp);
}

/* After the barrier: waits for who is in a section still, and takes the caches' blocks. */
static void
fork_wait(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    lock_take(&tail->lock);
    if (tail->frozen_owner != NULL) {
        owner_wait(mp, tail->frozen_owner);
    }
    cache_collect(mp);
    lock_give(&tail->lock);
}

static void
fork_note_shared(const struct maps *maps, void *arg)
{
    for (struct node *node = registry_first_any(); node != NULL; node = node->next) {
        node->is_shared |= maps_have(maps, (uintptr_t)node->mp, sizeof(*node->mp)) ||
                           maps_have(maps, node->membuf, node->membuf_bytes);
    }
}

/* Finds the pools in memory that the child will share. Asked at each fork and not at init, which
 * would take up to some ms each time. */
static void
fork_find_shared(void)
{
    for (struct node *node = registry_first_any(); node != NULL; node = node->next) {
        node->is_shared = false;
    }
    if (registry_first_any() != NULL) {
        maps_each_shared(fork_note_shared, NULL);
    }
}

/* The first of the frozen pools whose struct is intact, from a node on. What was overwritten since
 * it was frozen is no pool any more. */
static struct node *
fork_next_frozen(struct node *node)
{
    while (node != NULL && !(node->is_frozen && registry_is_intact(node))) {
        node = node->next;
    }
    return node;
}

static struct node *
fork_first_frozen(void)
{
    return fork_next_frozen(registry_first_any());
}

/* One barrier serves all pools. */
static void
fork_freeze_all(void)
{
    bool stopped = false;

    for (struct node *node = registry_first(); node != NULL; node = registry_next(node)) {
        if (!node->is_shared) {
            stopped |= fork_freeze(node->mp);
            node->is_frozen = true;
        }
    }
    if (!stopped) {
        return;
    }
    owner_barrier();
    for (struct node *node = fork_first_frozen(); node != NULL;
         node = fork_next_frozen(node->next)) {
        fork_wait(node->mp);
    }
}

static void
fork_prepare(void)
{
    freeze_begin();
    registry_lock_for_fork();
    fork_find_shared();
    fork_freeze_all();
    thread_fork_prepare();
    arena_fork_prepare();
}

static void
fork_parent(void)
{
    arena_fork_parent();
    thread_fork_parent();
    for (struct node *node = registry_first_any(); node != NULL; node = node->next) {
        if (node->is_frozen && registry_is_intact(node)) {
            fork_thaw(node->mp);
        }
        node->is_frozen = false;
    }
    registry_unlock_after_fork();
    freeze_end();
}

/*
 * In the child, what a pool's memory has become: it may not be inherited (MADV_DONTFORK), be wiped
 * (MADV_WIPEONFORK) or be shared with the parent. Such a pool is dropped. One whose struct alone is
 * there is made usable, so that nothing waits for a thaw.
 */
static void
fork_renew_node(struct node *node)
{
    bool has_struct = node->is_frozen && memory_can_be_read(node->mp, sizeof(*node->mp)) &&
                      registry_is_intact(node);

    node->is_frozen = false;
    if (has_struct) {
        fork_renew(node->mp);
    }
    if (!has_struct || !memory_can_be_read((const void *)node->membuf, node->membuf_bytes)) {
        registry_drop(node);
    }
}

static void
fork_child(void)
{
    struct node *next;

    arena_fork_child();
    freeze_end_in_child();
    thread_fork_child();
    check_fork_child();
    for (struct node *node = registry_first_any(); node != NULL; node = next) {
        next = node->next;
        fork_renew_node(node);
    }
    for (struct node *node = registry_first_dropped(); node != NULL; node = node->next) {
        if (node->keep.caches != NULL) {
            cache_disown_dropped(node->keep.caches);
        }
    }
    registry_unlock_after_fork();
}

/*
 * Before the constructors of the exporter, so that its prepare handler runs before this one and
 * its child handler after it.
 */
__attribute__((constructor(102))) static void
fork_register(void)
{
    pthread_atfork(fork_prepare, fork_parent, fork_child);
}
