/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freelist.h: the list of a pool's free blocks.
 *
 * Last in, first out, linked through word 0 of each free block. os_mempool_is_sane() checks:
 *  F1  it is as long as the free count says, and ends there
 *  F2  every block on it lies on a block boundary of the buffer
 *  F3  every block on it that has room carries its key in word 1
 *  F4  mp_min_free <= mp_num_free <= mp_num_blocks
 * No block can be on it twice: the list would have a cycle and no end, against F1.
 *
 * The key, secret ^ address, tells a put that the block may be free already. A user's data may look
 * like it by chance, so a hit is confirmed by a walk. Get clears it.
 *
 * Synchronization: all of it inside a section of the pool (enter.h).
 */
#ifndef OSMP_POOL_FREELIST_H
#define OSMP_POOL_FREELIST_H

#include "base/compiler.h"
#include "base/tool.h"
#include "layout/counts.h"
#include "layout/geometry.h"

/* Pools of one-word blocks have no room for a key; up to this many free ones a put walks. */
enum { FREELIST_WALK_MAX = 64 };

/* Makes all blocks free, in ascending order of address. Counters are the caller's. */
void freelist_chain(struct os_mempool *mp);

/* Everything that freelist_pop() leaves aside: empty, a new low, a carry, a damaged link. */
OSMP_COLD void *freelist_pop_slow(struct os_mempool *mp);

/* Everything that freelist_push() leaves aside: not a block, perhaps free, one-word blocks. */
OSMP_COLD os_error_t freelist_push_slow(struct os_mempool *mp, void *block);

/* Counts a put that is refused. */
OSMP_COLD os_error_t freelist_refuse(struct os_mempool *mp);

/* Whether a block is on the list: certain where it has room for a key or few blocks are free. */
OSMP_COLD bool freelist_has(const struct os_mempool *mp, const void *block);

/* Whether the list keeps F1 to F4. */
bool freelist_is_sane(const struct os_mempool *mp);

/*
 * Whether the block looks free by its key, or cannot be told by it. Its user need not have written
 * word 1, which no tool shall hold against us.
 */
OSMP_NO_MSAN static inline bool
freelist_may_have(const struct os_mempool *mp, void *block)
{
    if (osmp_unlikely(!geometry_has_key(mp))) {
        return true;
    }
    tool_make_defined(&osmp_words(block)[OSMP_KEY], sizeof(osmp_word));
    return osmp_words(block)[OSMP_KEY] == osmp_key(mp, block);
}

/* Takes the first block; NULL if there is none. */
static inline void *
freelist_pop(struct os_mempool *mp)
{
    void *block = osmp_likely(geometry_has_key(mp)) ? osmp_pop(mp) : NULL;

    return osmp_likely(block != NULL) ? block : freelist_pop_slow(mp);
}

/* Puts a block first; OS_INVALID_PARM if it is none of the pool's or free already. */
static inline os_error_t
freelist_push(struct os_mempool *mp, void *block)
{
    bool has_key = geometry_has_key(mp);

    if (tool_running() && has_key && geometry_holds(mp, block)) {
        tool_make_defined(&osmp_words(block)[OSMP_KEY], sizeof(osmp_word));
    }
    return osmp_likely(has_key && osmp_push(mp, block)) ? OS_OK : freelist_push_slow(mp, block);
}

#endif
