/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h: the set of registered pools.
 *
 * Registering is what makes a pool exist: os_mempool_init() formats and links. What the registry
 * knows of a pool is in a node (node.h): in a list in order of registration, and in trees by
 * address. These tell whether a pool is registered without a look at the caller's struct, which may
 * be uninitialised, overwritten or gone.
 *
 * Synchronization: one mutex guards lists, trees and nodes. registry_count(), registry_copy() and
 * registry_totals() take it themselves; the others are called between registry_enter() and
 * registry_leave(). The thread that holds the freeze (sync/freeze.h) has the mutex already and
 * passes.
 * Lock order: freeze, registry, pool.
 */
#ifndef OSMP_REGISTRY_REGISTRY_H
#define OSMP_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "layout/counts.h"
#include "registry/node.h"

/* Number of registered pools. */
size_t registry_count(void);

/* What is told of a registered pool. */
struct registry_row {
    struct identity identity;
    struct pool_counts counts;
};

/*
 * Copies the rows of up to room pools, in order of registration, and returns the number of pools
 * that there are; those whose struct was overwritten are left out. No pool's lock is taken; the
 * registry's is held for the copy only.
 */
size_t registry_copy(struct registry_row *rows, size_t room);

/* Of the process's life: pools that os_mempool_module_init() dropped, inits of registered pools. */
struct registry_totals {
    uint64_t dropped;
    uint64_t reinits;
};

struct registry_totals registry_totals(void);

/* Takes and gives the registry's mutex. */
void registry_enter(void);
void registry_leave(void);

/*
 * Leaves for a moment and enters again, as a pool was not to be had: all that was looked up before
 * may be gone. No thread blocks on a pool while it holds the mutex, so that a thread that stays in
 * one (a debugger may have stopped it) stops no call but those for this pool, and fork.
 */
void registry_rest(void);

/* The same for the thread that forks, which registry_enter() lets pass meanwhile. */
void registry_lock_for_fork(void);
void registry_unlock_after_fork(void);

/* The node of a registered pool; NULL if it is not registered. Its memory is not touched. */
struct node *registry_find(const struct os_mempool *mp);

/* Whether a registered pool's struct is still what it was made: its members may be followed. */
bool registry_is_intact(const struct node *node);

/* registry_find() for a pool whose struct is intact. */
struct node *registry_find_intact(const struct os_mempool *mp);

/* The first registered pool whose struct is intact, and the one after a registered one. */
struct node *registry_first(void);
struct node *registry_next(const struct node *node);

/* The first of all registered pools, whether intact or not; node->next is the one after it. */
struct node *registry_first_any(void);

/* The first dropped pool that keeps anything; node->next is the one after it. */
struct node *registry_first_dropped(void);

/* The first pool, dropped or retired, that keeps anything, and the one after it. */
struct node *registry_first_over(void);
struct node *registry_next_over(const struct node *node);

/* The node that there is for an address: of a registered, dropped or retired pool; NULL if none. */
struct node *registry_find_any(const struct os_mempool *mp);

/*
 * A node for a pool that is about to be formatted, in place of one that there was for its address,
 * or NULL; NULL if there is no memory. What was known of the pool there is over: *caches is what
 * has to be freed with cache_free() after the mutex is given, or NULL.
 */
struct node *registry_renew(struct node *former, struct cache_set **caches);

/* Appends a pool that was formatted. */
void registry_link(struct node *node);

/* Drops a registered pool: node.h. */
void registry_drop(struct node *node);

/* Drops all of them, and counts that. */
void registry_drop_all(void);

/*
 * A pool was unregistered, with its own lock given back. Its node stays as long as the pool keeps
 * anything.
 */
void registry_retire(struct node *node);

/* Frees what is kept for a dropped pool, if one was at this address; *caches as registry_renew().
 */
void registry_forget_dropped(const struct os_mempool *mp, struct cache_set **caches);

#endif
