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
#include "check/fault.h"
#include "layout/counts.h"
#include "layout/geometry.h"

/* Pools of one-word blocks have no room for a key; up to this many free ones a put walks. */
enum { FREELIST_WALK_MAX = 64 };

/* Makes all blocks free, in ascending order of address. Counters are the caller's. */
void freelist_chain(struct os_mempool *mp);

/* Everything that freelist_pop() leaves aside: empty, a new low, a carry, a damaged link, after
 * which the list is made anew (repair.h). */
OSMP_COLD void *freelist_pop_slow(struct os_mempool *mp, struct faults *faults);

/* Everything that freelist_push() leaves aside: not a block, perhaps free, one-word blocks. */
OSMP_COLD os_error_t freelist_push_slow(struct os_mempool *mp, void *block, struct faults *faults);

/*
 * Takes up to n of the first blocks of a list of so many, in their order, as they are: free, with
 * their keys. Stops at a damaged link. Counters are the caller's.
 */
uint32_t freelist_unlink(struct os_mempool *mp, void **blocks, uint32_t n, uint32_t length);

/* Links n such blocks in; the last one comes first. */
void freelist_link(struct os_mempool *mp, void *const *blocks, uint32_t n);

/* Takes n blocks out, or none if the list has fewer that can be reached. */
bool freelist_pop_all(struct os_mempool *mp, void **blocks, uint32_t n);

/*
 * Puts n blocks first, or none if one of them is not the pool's, free, or there twice (which is not
 * found where blocks have no room for a key). Marks them as it goes and takes the marks back; list
 * and counters change at the end, so no reader sees them go back. Where it puts none, *bad becomes
 * the number of the block that may not be put, or n if there are too many.
 */
bool freelist_push_all(struct os_mempool *mp, void *const *blocks, uint32_t n, uint32_t *bad);

/* The same, but notes and counts a refusal, and what is to blame for it. */
os_error_t freelist_push_or_refuse(struct os_mempool *mp, void *const *blocks, uint32_t n,
                                   struct faults *faults);

/*
 * After freelist_pop_all() could not reach n blocks though as many are free: makes the list anew
 * (repair.h), and tells that it may be tried again; or, where blocks have no room for a key, notes
 * the damaged link alone.
 */
OSMP_COLD bool freelist_mend(struct os_mempool *mp, uint32_t n, struct faults *faults);

/* The last block on a damaged list that can be reached, and how many are out of reach behind it;
 * NULL if none can be. */
const struct os_memblock *freelist_find_break(const struct os_mempool *mp, uint32_t *behind);

/* Moves the free blocks' keys to where the given mask wants them. */
void freelist_move_keys(struct os_mempool *mp, uint8_t key_lines);

/* Number of blocks on the list. */
static inline uint32_t
freelist_count(const struct os_mempool *mp)
{
    return counts_free(osmp_counts_load(mp));
}

/* Whether a block is on the list: certain where it has room for a key or few blocks are free. */
OSMP_COLD bool freelist_has(const struct os_mempool *mp, const void *block);

/* What breaks F1 to F4, and where. */
struct freelist_damage {
    const char *what;  /* a sentence; NULL: nothing does */
    const void *block; /* the free block that shows it; NULL: none does */
};

/*
 * Looks for it, in at most as many steps as blocks are free, and following no link that leads out
 * of the pool. os_mempool_is_sane() and the exporter's check both ask this.
 */
struct freelist_damage freelist_inspect(const struct os_mempool *mp);

/* Where a block's key is. */
static inline osmp_word *
freelist_key_word(const struct os_mempool *mp, void *block)
{
    return (osmp_word *)(void *)((char *)block + geometry_key_offset(block, geometry_key_mask(mp)));
}

/*
 * Whether the block looks free by its key, or cannot be told by it. Its user need not have written
 * the word, which no tool shall hold against us.
 */
OSMP_NO_MSAN static inline bool
freelist_may_have(const struct os_mempool *mp, void *block)
{
    if (osmp_unlikely(!geometry_has_key(mp))) {
        return true;
    }
    tool_make_defined(freelist_key_word(mp, block), sizeof(osmp_word));
    return *freelist_key_word(mp, block) == osmp_key(mp, block);
}

/* Whether osmp_pop() and osmp_push() know how to mark the pool's blocks. */
static inline bool
freelist_is_plain(const struct os_mempool *mp)
{
    return geometry_has_key(mp) && mp->osmp_key_lines == 0;
}

/* Takes the first block; NULL if there is none. */
static inline void *
freelist_pop(struct os_mempool *mp, struct faults *faults)
{
    void *block = osmp_likely(freelist_is_plain(mp)) ? osmp_pop(mp) : NULL;

    return osmp_likely(block != NULL) ? block : freelist_pop_slow(mp, faults);
}

/* Puts a block first; OS_INVALID_PARM if it is none of the pool's or free already. */
static inline os_error_t
freelist_push(struct os_mempool *mp, void *block, struct faults *faults)
{
    bool plain = freelist_is_plain(mp);

    if (tool_running() && plain && geometry_holds(mp, block)) {
        tool_make_defined(freelist_key_word(mp, block), sizeof(osmp_word));
    }
    return osmp_likely(plain && osmp_push(mp, block)) ? OS_OK
                                                      : freelist_push_slow(mp, block, faults);
}

#endif
