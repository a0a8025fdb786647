/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track.h: who got a block last, and who put it.
 *
 * Synchronization: traces are read and written under the pool's lock; track_thread() and the clock
 * at any time.
 */
#ifndef OSMP_CHECK_TRACK_H
#define OSMP_CHECK_TRACK_H

#include "check/held.h"
#include "osmempool.h"

struct trace_end {
    uintptr_t caller; /* return address of the call; 0 if there was none yet */
    uint64_t us;      /* monotonic */
    uint32_t thread;
};

struct trace {
    struct trace_end get;
    struct trace_end put;
};

/* The calling thread's number, as the kernel and /proc have it. */
uint32_t track_thread(void);

/* In a forked child the thread has another number. */
void track_fork_child(void);

/* The calling thread has got or put the block, just now. */
void track_set(struct trace_end *end, const void *caller);

/* What a fault tells of it. */
void track_tell(struct osmempool_trace *told, const struct trace_end *end);

/* Adds a block that is out to the list of holders. */
void track_add_held(struct held *held, const struct trace_end *get);

#endif
