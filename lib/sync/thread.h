/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h: records of the threads that own pools or have caches.
 *
 * A record is taken at the first such occasion, found again through a thread-local pointer (slow
 * paths only) and given back when the thread ends. Records lie in pages of their own, are never
 * freed, and are used again, so whoever finds one in a pool may read it at any time.
 *
 * Synchronization: the list of records has a mutex, the last in the lock order, so that a record
 * may be taken inside a pool's section. A record's words:
 *   busy   written by its thread alone, read by all (os_mempool_inline.h)
 *   tp     written under the list's mutex, while the record holds no pool; read by all
 *   holds  counted up and down by atomic operations under the locks of different pools
 */
#ifndef OSMP_SYNC_THREAD_H
#define OSMP_SYNC_THREAD_H

#include <stdbool.h>

#include "os/os_mempool_inline.h"

struct thread {
    struct osmp_thread hot; /* first: what a pool's owner points to */
    uint32_t holds;         /* number of pools that have this record as an owner or in a cache */
    struct thread *next;    /* in the list of all records */
    struct thread *next_free;
} __attribute__((aligned(64))); /* a cache line each: busy is written at every get and put */

static inline struct thread *
thread_of(struct osmp_thread *hot)
{
    return (struct thread *)hot;
}

/*
 * The calling thread's record, taken if it has none; NULL where there is none, and in a thread that
 * is past its end. Called with no lock held: thread-local storage may be malloc's.
 */
struct thread *thread_get(void);

/* The same under any lock, if it has one already: found among all records by its thread pointer. */
struct thread *thread_known(void);

/* Whether thread_get() may find a record for a thread that has none. */
bool thread_may_get(void);

/*
 * Relaxed: a count that its own thread reads at its end, under the locks that guard each change. It
 * may be too high, as a pool that is dropped is not asked who has it, and the record's next thread
 * does not start with it: what such a pool gives up later is no hold of that thread, so the count
 * stops at 0. One that is too low leaves a dead thread in a pool, which costs a revocation.
 */
static inline void
thread_hold(struct thread *thread)
{
    __atomic_fetch_add(&thread->holds, 1, __ATOMIC_RELAXED);
}

void thread_unhold(struct thread *thread);

/* What takes an ending thread's record out of all pools. Called with a record that holds some. */
void thread_set_release(void (*release)(struct thread *thread));

/* Around a fork: takes and gives the list's mutex. */
void thread_fork_prepare(void);
void thread_fork_parent(void);

/* In the child: no thread is in a section, all records but the caller's are free, and no other
 * thread's callback runs. */
void thread_fork_child(void);

#endif
