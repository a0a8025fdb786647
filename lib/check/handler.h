/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handler.h: the program's fault handler, and the argument that belongs to it.
 *
 * The pair is kept in two places. A change writes the place that is not current and makes it the
 * current one by a single store. So there is a whole pair at every moment, in a forked child too,
 * whose parent had another thread in the middle of a change.
 *
 * Synchronization: any thread. handler_get() waits for nobody; it tries again only where a change
 * was completed meanwhile. Two threads that set a handler take turns.
 */
#ifndef OSMP_CHECK_HANDLER_H
#define OSMP_CHECK_HANDLER_H

#include "osmempool.h"

struct handler {
    osmempool_fault_fn *fn; /* NULL: none is set */
    void *arg;
};

/* The current handler. */
struct handler handler_get(void);

/* Makes it the current one. */
void handler_set(struct handler handler);

/* In a forked child: nobody is in the middle of a change. */
void handler_fork_child(void);

#endif
