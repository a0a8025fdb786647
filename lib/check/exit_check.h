/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_check.h: what is wrong with a checked pool when the program ends.
 *
 * Reads the library's record, and free blocks by way of the kernel: the pool's struct and its
 * buffer may be gone by now. The pool's lock is located in that struct and is not taken, though
 * other threads may still use the pool.
 *
 * Synchronization: under the registry's mutex, which keeps the record of a registered pool.
 */
#ifndef OSMP_CHECK_EXIT_CHECK_H
#define OSMP_CHECK_EXIT_CHECK_H

#include "check/fault.h"

struct record;

/*
 * For a pool under the word check: notes the first free block from number `from` on that was
 * changed, unless that was reported before. Returns where to go on; notes nothing if there is no
 * such block. Skips buffers on a stack, which may be used for anything by now.
 */
uint32_t exit_check_damage(const struct record *record, struct os_mempool *mp, uint32_t from,
                           struct faults *faults);

/* Notes blocks that are in use, if those are leaks; *held says whose. */
void exit_check_leaks(const struct record *record, struct os_mempool *mp, struct faults *faults,
                      struct held *held);

#endif
