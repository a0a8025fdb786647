/* SPDX-License-Identifier: Apache-2.0 */
/* wait.h: waiting for a thread to leave its section. */
#ifndef OSMP_SYNC_WAIT_H
#define OSMP_SYNC_WAIT_H

#include <stdbool.h>

#include "os/os_mempool_inline.h"

/*
 * Waits until a busy word no longer names the pool; the owner's or cache's thread cannot come in
 * again, as the caller has seen to it and sent a barrier.
 */
void sync_wait_while(const struct os_mempool *const *busy, const struct os_mempool *mp);

/* The same for some 2 ms at most; false if it names the pool still. */
bool sync_wait_briefly(const struct os_mempool *const *busy, const struct os_mempool *mp);

/*
 * Sleeps for so long (below a second), or less if a signal comes. May be called with locks held: it
 * is no cancellation point, and it leaves errno as it was, as get and put are no system calls to
 * their callers.
 */
void sync_sleep(long ns);

#endif
