/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/repair.h"

#include <string.h>

#include "pool/cache.h"
#include "pool/freelist.h"

/* So many blocks that lost their key are named, beside the one at which the list broke. */
enum { REPAIR_NAMED = FAULTS_MAX - 1 };

struct repair {
    uint32_t n; /* blocks that carry their key */
    struct os_memblock *first;
    struct os_memblock *last;
    uint32_t n_named; /* blocks that another one's link leads to, and that do not carry their key */
    struct os_memblock *named[REPAIR_NAMED];
};

/* A block's user may be writing to it just now, without any order, and need not have written to it
 * at all: whatever is read then is no key. */
OSMP_NO_MSAN OSMP_NO_TSAN static bool
repair_has_key(const struct os_mempool *mp, void *block)
{
    return *freelist_key_word(mp, block) == osmp_key(mp, block);
}

/* A free block is next on the new list. */
static void
repair_link(const struct os_mempool *mp, struct repair *repair, struct os_memblock *block)
{
    struct os_memblock *next = (struct os_memblock *)osmp_words(block)[OSMP_LINK];

    if (osmp_unlikely(geometry_holds(mp, next) && !repair_has_key(mp, next)) &&
        repair->n_named < REPAIR_NAMED) {
        repair->named[repair->n_named++] = next;
    }
    if (osmp_likely(repair->last != NULL)) {
        osmp_words(repair->last)[OSMP_LINK] = (uintptr_t)block;
    } else {
        repair->first = block;
    }
    repair->last = block;
    repair->n++;
}

static void
repair_walk(const struct os_mempool *mp, struct repair *repair)
{
    const size_t stride = geometry_stride(mp);
    char *block = (char *)mp->mp_membuf_addr;

    for (uint32_t left = mp->mp_num_blocks; left > 0; left--) {
        if (repair_has_key(mp, block)) {
            repair_link(mp, repair, (struct os_memblock *)(void *)block);
        }
        block += stride;
    }
    if (repair->last != NULL) {
        osmp_words(repair->last)[OSMP_LINK] = 0;
    }
}

/* Notes at which block the list broke. How many are lost is known later. */
static struct osmempool_fault *
repair_note_break(struct os_mempool *mp, struct faults *faults, const struct os_memblock *broken)
{
    return broken != NULL ? fault_note_damaged_list(faults, mp, broken, 0)
                          : fault_note(faults, mp, OSMEMPOOL_FAULT_DAMAGED_LIST, NULL);
}

/* Notes that a free block's key was overwritten. */
static void
repair_note_lost(struct os_mempool *mp, struct faults *faults, struct os_memblock *block)
{
    struct osmempool_fault *fault = fault_note(faults, mp, OSMEMPOOL_FAULT_WRITE_AFTER_PUT, block);
    const uintptr_t key = osmp_key(mp, block);
    const osmp_word *word = freelist_key_word(mp, block);

    if (fault != NULL) {
        fault->offset = (size_t)((const char *)word - (const char *)block);
        fault->n_bytes = sizeof(key);
        memcpy(fault->found, word, sizeof(key));
        memcpy(fault->expected, &key, sizeof(key));
    }
}

/*
 * The link that leads to one of these may be what was overwritten, and the block be out. If no more
 * of them are there than are lost, they are the lost ones. The one where the list broke was noted.
 */
static void
repair_note_named(struct os_mempool *mp, struct faults *faults, const struct repair *repair,
                  uint32_t lost, const struct os_memblock *broken)
{
    for (uint32_t i = 0; repair->n_named <= lost && i < repair->n_named; i++) {
        if (repair->named[i] != broken) {
            repair_note_lost(mp, faults, repair->named[i]);
        }
    }
}

void
repair_list(struct os_mempool *mp, struct faults *faults)
{
    uint32_t num_free;
    const struct os_memblock *broken = freelist_find_break(mp, &num_free);
    struct osmempool_fault *fault = repair_note_break(mp, faults, broken);
    struct repair repair = {0};

    cache_pause(mp);
    num_free = freelist_count(mp);
    repair_walk(mp, &repair);
    if (osmp_unlikely(repair.n > num_free)) {
        repair = (struct repair){0};
    }
    repair_note_named(mp, faults, &repair, num_free - repair.n, broken);
    mp->slh_first = repair.first;
    counts_take(mp, 0, repair.n, num_free - repair.n);
    cache_resume(mp);
    if (fault != NULL) {
        fault->n_blocks = num_free - repair.n;
    }
}

/* Where a mask wants a block's key. */
static osmp_word *
repair_key_place(void *block, uint8_t key_lines)
{
    size_t mask = (size_t)key_lines << GEOMETRY_LINE_SHIFT;

    return (osmp_word *)(void *)((char *)block + geometry_key_offset(block, mask));
}

/* Whether a block carries its key, and not where it is wanted. */
static bool
repair_must_move(const struct os_mempool *mp, void *block, uint8_t key_lines)
{
    return freelist_key_word(mp, block) != repair_key_place(block, key_lines) &&
           repair_has_key(mp, block);
}

void
repair_move_key(struct os_mempool *mp, void *block, uint8_t key_lines)
{
    if (repair_must_move(mp, block, key_lines)) {
        *freelist_key_word(mp, block) = 0;
        *repair_key_place(block, key_lines) = osmp_key(mp, block);
    }
}

void
repair_move_keys(struct os_mempool *mp, uint32_t left, uint8_t key_lines)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < mp->mp_num_blocks; i++) {
        n += repair_must_move(mp, geometry_block(mp, i), key_lines);
    }
    for (uint32_t i = 0; n <= left && i < mp->mp_num_blocks; i++) {
        repair_move_key(mp, geometry_block(mp, i), key_lines);
    }
}
