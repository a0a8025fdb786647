/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repair.h: a damaged free list is made anew from the blocks that carry their key.
 *
 * Somebody who writes to a free block overwrites its link, and all blocks behind it can be reached
 * no more. But each of them carries its key, and a block that is out does not. So the blocks are
 * looked at in the order of their addresses, once, after those in caches have come to the list, and
 * those that carry their key are linked. Lost is a free block whose own key was overwritten. It
 * counts as out until the pool is cleared.
 *
 * The users of blocks that are out may write to them meanwhile, and to what would be a key. Should
 * more blocks carry a key than are free, some of them are out, and hold it as data; which ones
 * cannot be told, so none is trusted, and all free blocks are lost.
 *
 * Of pools whose blocks have room for a key.
 *
 * Synchronization: all of it inside a section of the pool (enter.h), under its lock.
 */
#ifndef OSMP_POOL_REPAIR_H
#define OSMP_POOL_REPAIR_H

#include "base/compiler.h"
#include "check/fault.h"

/* The list does not lead from its first block to as many as are free: makes it anew, and notes that
 * and which blocks are lost. */
OSMP_COLD void repair_list(struct os_mempool *mp, struct faults *faults);

/*
 * Moves a free block's key, if it carries it, from where the pool has it to where the given mask
 * wants it; and those of blocks that a list which ends before its last `left` blocks does not lead
 * to, so that a repair finds them there.
 */
void repair_move_key(struct os_mempool *mp, void *block, uint8_t key_lines);
OSMP_COLD void repair_move_keys(struct os_mempool *mp, uint32_t left, uint8_t key_lines);

#endif
