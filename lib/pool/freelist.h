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

/* Words of a block: may_alias, as its user may have written objects of any type there. */
typedef uintptr_t __attribute__((may_alias)) freelist_word;
enum { FREELIST_LINK = 0, FREELIST_KEY = 1 };

/* Pools of one-word blocks have no room for a key; up to this many free ones a put walks. */
enum { FREELIST_WALK_MAX = 64 };

/* Makes all blocks free, in ascending order of address. Counters are the caller's. */
void freelist_chain(struct os_mempool *mp);

/* Everything that freelist_pop() leaves aside: empty, a new low, a carry, a damaged link. */
OSMP_COLD void *freelist_pop_slow(struct os_mempool *mp);

/* Counts a put that is refused. */
OSMP_COLD os_error_t freelist_refuse(struct os_mempool *mp);

/* Whether a block is on the list: certain where it has room for a key or few blocks are free. */
OSMP_COLD bool freelist_has(const struct os_mempool *mp, const void *block);

/* Whether the list keeps F1 to F4. */
bool freelist_is_sane(const struct os_mempool *mp);

static inline freelist_word *
freelist_words(void *block)
{
    return block;
}

static inline uintptr_t
freelist_key(const struct os_mempool *mp, const void *block)
{
    return mp->osmp_secret ^ (uintptr_t)block;
}

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
    tool_make_defined(&freelist_words(block)[FREELIST_KEY], sizeof(freelist_word));
    return freelist_words(block)[FREELIST_KEY] == freelist_key(mp, block);
}

static inline void
freelist_set_key(const struct os_mempool *mp, void *block, uintptr_t key)
{
    if (osmp_likely(geometry_has_key(mp))) {
        freelist_words(block)[FREELIST_KEY] = key;
    }
}

/* Takes the first block; NULL if there is none. */
static inline void *
freelist_pop(struct os_mempool *mp)
{
    struct os_memblock *block = mp->slh_first;
    uint64_t word = counts_load(mp);
    struct os_memblock *next;

    /* A free count above the low-water mark is above 0, and so there is a first block. */
    if (osmp_unlikely(counts_free(word) <= mp->mp_min_free)) {
        return freelist_pop_slow(mp);
    }
    next = (struct os_memblock *)freelist_words(block)[FREELIST_LINK];
    if (osmp_unlikely(!geometry_holds(mp, next) ||
                      __builtin_add_overflow(word, COUNTS_GET, &word))) {
        return freelist_pop_slow(mp);
    }
    mp->slh_first = next;
    freelist_set_key(mp, block, 0);
    counts_store(mp, word);
    return block;
}

/* Puts a block first. It is one of the pool's; OS_INVALID_PARM if it is free already. */
static inline os_error_t
freelist_push(struct os_mempool *mp, void *block)
{
    uint64_t word = counts_load(mp);

    if (osmp_unlikely(counts_free(word) == mp->mp_num_blocks || freelist_may_have(mp, block)) &&
        freelist_has(mp, block)) {
        return freelist_refuse(mp);
    }
    freelist_words(block)[FREELIST_LINK] = (uintptr_t)mp->slh_first;
    freelist_set_key(mp, block, freelist_key(mp, block));
    mp->slh_first = block;
    counts_store(mp, word + 1);
    return OS_OK;
}

#endif
