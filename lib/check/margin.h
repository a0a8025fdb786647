/* SPDX-License-Identifier: Apache-2.0 */
/*
 * margin.h: the bytes around a block that is out, which nobody may write.
 *
 *     | limit ...... before | the block's size | behind |
 *
 * Behind it those that its size is rounded up by; before it, where it has a fence, the rest of its
 * first page. They hold a pattern from the get to the put, if the pool is under check, poison or
 * fence and no tool watches, as a tool sees each access anyway.
 *
 * Synchronization: under the pool's lock. Who has the block touches none of it.
 */
#ifndef OSMP_CHECK_MARGIN_H
#define OSMP_CHECK_MARGIN_H

#include "check/fault.h"

/* Writes the pattern around block number i, which goes out. */
void margin_set(const struct os_mempool *mp, uint32_t i);

/* Whether the pattern around block number i, which is out, is as it was. What is not is noted, and
 * written anew: it is told once. */
bool margin_check(struct os_mempool *mp, uint32_t i, struct faults *faults);

/* The same of all blocks that are out. */
bool margin_check_all(struct os_mempool *mp, struct faults *faults);

/* The same, without a note and without a change. */
bool margin_is_intact(const struct os_mempool *mp, uint32_t i);

#endif
