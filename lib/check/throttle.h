/* SPDX-License-Identifier: Apache-2.0 */
/*
 * throttle.h: which reports are written to standard error.
 *
 * A program that makes the same mistake in a loop must neither flood its log nor be slowed down by
 * it. Two reports are the same if their kind, pool and call site are.
 *
 * Synchronization: any thread, without a lock; a forked child goes on with its parent's counts.
 */
#ifndef OSMP_CHECK_THROTTLE_H
#define OSMP_CHECK_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many reports are counted; all others are written. So many of each are written one by one. */
enum { THROTTLE_LOG = 8, THROTTLE_MAX = 1 << THROTTLE_LOG, THROTTLE_ALL = 10 };

/* Counts a report: its number among those that are the same; 0 if the table is full. */
size_t throttle_count(int kind, uint64_t pool_id, const void *caller);

/* Whether number n is written: the first ones are, and those at powers of two. */
static inline bool
throttle_prints(size_t n)
{
    return n <= THROTTLE_ALL || (n & (n - 1)) == 0;
}

#endif
