/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h: the set of registered pools.
 *
 * Registering is what makes a pool exist: os_mempool_init() formats and links. Pools are kept
 * twice, in a list in order of registration and in trees by address. These tell whether a
 * pool is registered without a look at the caller's struct, which may be uninitialised or freed.
 *
 * Synchronization: one mutex guards list and trees. registry_count() and registry_copy() take it
 * themselves; the others are called between registry_enter() and registry_leave(). The thread that
 * holds the freeze (sync/freeze.h) has the mutex already and passes.
 * Lock order: freeze, registry, pool.
 */
#ifndef OSMP_REGISTRY_REGISTRY_H
#define OSMP_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "layout/counts.h"

/* Number of registered pools. */
size_t registry_count(void);

/*
 * Copies the counters of up to room pools, in order of registration, and returns the number of
 * pools that there are. No pool's lock is taken; the registry's is held for the copy only.
 */
size_t registry_copy(struct pool_counts *counts, size_t room);

/* Takes and gives the registry's mutex. */
void registry_enter(void);
void registry_leave(void);

/*
 * Leaves for a moment and enters again, as a pool was not to be had: all that was looked up before
 * may be gone. Nobody waits for a pool with the mutex held, so that a thread that stays in one (a
 * debugger may have stopped it) stops no call but those for this pool, and fork.
 */
void registry_rest(void);

/* The same for the thread that forks, which registry_enter() lets pass meanwhile. */
void registry_lock_for_fork(void);
void registry_unlock_after_fork(void);

/* Whether a pool is registered. Its memory is not touched. */
bool registry_has(const struct os_mempool *mp);

/* Whether a registered pool's memory is still what it was made: links in there may be followed. */
bool registry_is_intact(const struct os_mempool *mp);

/* Appends a formatted pool; takes one out that is intact. */
void registry_link(struct os_mempool *mp);
void registry_unlink(struct os_mempool *mp);

/* The first pool, and the one after a registered one; NULL at the end, which is also where the
 * memory of a pool is no longer intact. */
struct os_mempool *registry_first(void);
struct os_mempool *registry_next(const struct os_mempool *mp);

/* The pool that is not intact though the list leads to it: mp, or the one after it, or the first if
 * mp is NULL. NULL if they are intact. */
struct os_mempool *registry_overwritten(struct os_mempool *mp);

#endif
