/* SPDX-License-Identifier: Apache-2.0 */
/* wait.h: waiting for a thread to leave its section. */
#ifndef OSMP_SYNC_WAIT_H
#define OSMP_SYNC_WAIT_H

#include "os/os_mempool_inline.h"

/*
 * Waits until a busy word no longer names the pool; the owner's or cache's thread cannot come in
 * again, as the caller has seen to it and sent a barrier.
 */
void sync_wait_while(const struct os_mempool *const *busy, const struct os_mempool *mp);

/* Sleeps for so long, or less if a signal comes. Keeps errno. */
void sync_sleep(long ns);

#endif
