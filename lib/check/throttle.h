/* SPDX-License-Identifier: Apache-2.0 */
/*
 * throttle.h: how often a report is worth a text on standard error.
 *
 * A program that makes the same mistake in a loop must neither drown its log nor be slowed down by
 * it. Reports are the same if kind, pool and call site are.
 *
 * Synchronization: any thread, without a lock; a forked child goes on with its parent's counts.
 */
#ifndef OSMP_CHECK_THROTTLE_H
#define OSMP_CHECK_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many are told apart; all others are printed. So many of each are printed one by one. */
enum { THROTTLE_LOG = 8, THROTTLE_MAX = 1 << THROTTLE_LOG, THROTTLE_ALL = 10 };

/* How many reports like this one there are now; 0 if that is not known, for want of room. */
size_t throttle_count(int kind, uint64_t pool_id, const void *caller);

/* Whether number n of them is printed: the first ones, and those at powers of two. */
static inline bool
throttle_prints(size_t n)
{
    return n <= THROTTLE_ALL || (n & (n - 1)) == 0;
}

#endif
