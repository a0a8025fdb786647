/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/freelist.h"

#include "pool/repair.h"

static void
freelist_set_key(const struct os_mempool *mp, void *block, uintptr_t key)
{
    if (geometry_has_key(mp)) {
        *freelist_key_word(mp, block) = key;
    }
}

void
freelist_chain(struct os_mempool *mp)
{
    const size_t stride = geometry_stride(mp);
    char *block = (char *)mp->mp_membuf_addr;

    mp->slh_first = mp->mp_num_blocks > 0 ? (struct os_memblock *)(void *)block : NULL;
    for (uint32_t left = mp->mp_num_blocks; left > 0; left--) {
        char *next = block + stride;

        osmp_words(block)[OSMP_LINK] = left > 1 ? (uintptr_t)next : 0;
        freelist_set_key(mp, block, osmp_key(mp, block));
        block = next;
    }
}

static struct os_memblock *
freelist_next(struct os_memblock *block)
{
    return (struct os_memblock *)osmp_words(block)[OSMP_LINK];
}

/* Whether the first of so many free blocks is one, and leads to the next. */
static bool
freelist_first_is_good(const struct os_mempool *mp, uint32_t num_free)
{
    struct os_memblock *block = mp->slh_first;

    if (!geometry_holds(mp, block)) {
        return false;
    }
    return num_free > 1 ? geometry_holds(mp, freelist_next(block)) : freelist_next(block) == NULL;
}

/*
 * Blocks without room for a key cannot be told from those that are out: the rest of the list is cut
 * off, and counts as out until the pool is cleared.
 */
static void *
freelist_cut_off(struct os_mempool *mp, struct faults *faults)
{
    struct os_memblock *block = mp->slh_first;
    uint32_t lost = freelist_count(mp) - 1;

    fault_note_damaged_list(faults, mp, block, lost);
    mp->slh_first = NULL;
    counts_take(mp, 1, 0, lost);
    return block;
}

void *
freelist_pop_slow(struct os_mempool *mp, struct faults *faults)
{
    struct os_memblock *block;

    if (freelist_count(mp) > 0 && !freelist_first_is_good(mp, freelist_count(mp))) {
        if (!geometry_has_key(mp)) {
            return freelist_cut_off(mp, faults);
        }
        repair_list(mp, faults);
    }
    if (freelist_count(mp) == 0) {
        counts_fail(mp);
        return NULL;
    }
    block = mp->slh_first;
    mp->slh_first = freelist_next(block);
    freelist_set_key(mp, block, 0);
    counts_take(mp, 1, freelist_count(mp) - 1, 0);
    return block;
}

/* Follows the links for as many blocks as are free, or until one leads out of the pool. */
static bool
freelist_walk_finds(const struct os_mempool *mp, const void *wanted)
{
    struct os_memblock *block = mp->slh_first;

    for (uint32_t left = freelist_count(mp); left > 0; left--) {
        if (block == wanted) {
            return true;
        }
        if (!geometry_holds(mp, block)) {
            return false;
        }
        block = freelist_next(block);
    }
    return false;
}

bool
freelist_has(const struct os_mempool *mp, const void *block)
{
    uint32_t num_free = freelist_count(mp);

    if (num_free == mp->mp_num_blocks) {
        return true;
    }
    if (!geometry_has_key(mp) && num_free > FREELIST_WALK_MAX) {
        return false;
    }
    return freelist_walk_finds(mp, block);
}

/* Finds up to n of the first blocks of a list of so many, until a damaged link, and what follows.
 */
static uint32_t
freelist_look(const struct os_mempool *mp, void **blocks, uint32_t n, uint32_t length,
              struct os_memblock **rest)
{
    struct os_memblock *block = mp->slh_first;
    uint32_t seen = 0;

    length = osmp_likely(geometry_holds(mp, block)) ? length : 0;
    while (seen < n && seen < length) {
        struct os_memblock *next = freelist_next(block);

        if (!geometry_holds(mp, next) && (next != NULL || length - seen != 1)) {
            break;
        }
        blocks[seen++] = block;
        block = next;
    }
    *rest = block;
    return seen;
}

uint32_t
freelist_unlink(struct os_mempool *mp, void **blocks, uint32_t n, uint32_t length)
{
    struct os_memblock *rest;
    uint32_t taken = freelist_look(mp, blocks, n, length, &rest);

    mp->slh_first = rest;
    return taken;
}

OSMP_HOT bool
freelist_pop_all(struct os_mempool *mp, void **blocks, uint32_t n)
{
    const uint32_t num_free = freelist_count(mp);
    struct os_memblock *rest;

    if (num_free < n || freelist_look(mp, blocks, n, num_free, &rest) < n) {
        return false;
    }
    mp->slh_first = rest;
    for (uint32_t i = 0; i < n; i++) {
        freelist_set_key(mp, blocks[i], 0);
    }
    counts_take(mp, n, num_free - n, 0);
    return true;
}

void
freelist_link(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    struct os_memblock *first = mp->slh_first;

    for (uint32_t i = 0; i < n; i++) {
        osmp_words(blocks[i])[OSMP_LINK] = (uintptr_t)first;
        first = blocks[i];
    }
    mp->slh_first = first;
}

static void
freelist_give(struct os_mempool *mp, void *const *blocks, uint32_t n)
{
    freelist_link(mp, blocks, n);
    osmp_counts_store(mp, osmp_counts_load(mp) + n);
}

/* Why a block may not be put; 0 if it may. */
static int
freelist_problem(const struct os_mempool *mp, void *block)
{
    if (!geometry_holds(mp, block)) {
        return fault_kind_of_stray(mp, block);
    }
    if (freelist_may_have(mp, block) && freelist_has(mp, block)) {
        return OSMEMPOOL_FAULT_DOUBLE_PUT;
    }
    return freelist_count(mp) == mp->mp_num_blocks ? OSMEMPOOL_FAULT_TOO_MANY : 0;
}

os_error_t
freelist_push_slow(struct os_mempool *mp, void *block, struct faults *faults)
{
    int problem = freelist_problem(mp, block);

    if (problem != 0) {
        return fault_refuse(faults, mp, problem, block);
    }
    freelist_set_key(mp, block, osmp_key(mp, block));
    freelist_give(mp, &block, 1);
    return OS_OK;
}

static bool
freelist_is_among(void *const *blocks, uint32_t n, const void *block)
{
    for (uint32_t i = 0; i < n; i++) {
        if (blocks[i] == block) {
            return true;
        }
    }
    return false;
}

/* Whether block number i may be put: the pool's, not free, and not marked before it by this call.
 */
static bool
freelist_may_push(struct os_mempool *mp, void *const *blocks, uint32_t i)
{
    void *block = blocks[i];

    if (!geometry_holds(mp, block)) {
        return false;
    }
    if (!freelist_may_have(mp, block)) {
        return true;
    }
    return !freelist_has(mp, block) &&
           (!geometry_has_key(mp) || !freelist_is_among(blocks, i, block));
}

OSMP_HOT bool
freelist_push_all(struct os_mempool *mp, void *const *blocks, uint32_t n, uint32_t *bad)
{
    uint32_t marked = 0;

    if (osmp_unlikely(mp->mp_num_blocks - freelist_count(mp) < n)) {
        *bad = n;
        return false;
    }
    while (marked < n && freelist_may_push(mp, blocks, marked)) {
        freelist_set_key(mp, blocks[marked], osmp_key(mp, blocks[marked]));
        marked++;
    }
    if (osmp_likely(marked == n)) {
        freelist_give(mp, blocks, n);
        return true;
    }
    *bad = marked;
    while (marked > 0) {
        freelist_set_key(mp, blocks[--marked], 0);
    }
    return false;
}

const struct os_memblock *
freelist_find_break(const struct os_mempool *mp, uint32_t *behind)
{
    const struct os_memblock *block = NULL;
    struct os_memblock *next = mp->slh_first;
    uint32_t left = freelist_count(mp);

    for (; left > 0 && geometry_holds(mp, next); left--) {
        block = next;
        next = freelist_next(next);
    }
    *behind = left;
    return block;
}

bool
freelist_mend(struct os_mempool *mp, uint32_t n, struct faults *faults)
{
    const struct os_memblock *block;
    uint32_t behind;

    if (freelist_count(mp) < n) {
        return false;
    }
    if (geometry_has_key(mp)) {
        repair_list(mp, faults);
        return true;
    }
    block = freelist_find_break(mp, &behind);
    fault_note_damaged_list(faults, mp, block, behind);
    return false;
}

/* A block that may be put by itself stands in the array twice. */
static OSMP_COLD os_error_t
freelist_refuse_all(struct os_mempool *mp, void *const *blocks, uint32_t n, uint32_t bad,
                    struct faults *faults)
{
    int problem = 0;

    if (bad < n) {
        problem = freelist_problem(mp, blocks[bad]);
        problem = problem != 0 ? problem : OSMEMPOOL_FAULT_TWICE;
    } else {
        for (bad = 0; bad < n && problem == 0; bad++) {
            problem = freelist_problem(mp, blocks[bad]);
        }
        bad--;
        problem = problem != 0 ? problem : OSMEMPOOL_FAULT_TOO_MANY;
    }
    return fault_refuse(faults, mp, problem, blocks[bad]);
}

os_error_t
freelist_push_or_refuse(struct os_mempool *mp, void *const *blocks, uint32_t n,
                        struct faults *faults)
{
    uint32_t bad;

    if (freelist_push_all(mp, blocks, n, &bad)) {
        return OS_OK;
    }
    return freelist_refuse_all(mp, blocks, n, bad, faults);
}

void
freelist_move_keys(struct os_mempool *mp, uint8_t key_lines)
{
    struct os_memblock *block = mp->slh_first;
    uint32_t left;

    for (left = freelist_count(mp); left > 0 && geometry_holds(mp, block); left--) {
        repair_move_key(mp, block, key_lines);
        block = freelist_next(block);
    }
    if (osmp_unlikely(left > 0)) {
        repair_move_keys(mp, left, key_lines);
    }
    mp->osmp_key_lines = key_lines;
}

static bool
freelist_key_is_set(const struct os_mempool *mp, struct os_memblock *block)
{
    return !geometry_has_key(mp) || *freelist_key_word(mp, block) == osmp_key(mp, block);
}

/* A block and the one after it; NULL behind the end and behind what is no block. */
static struct os_memblock *
freelist_step(const struct os_mempool *mp, struct os_memblock *block)
{
    return geometry_holds(mp, block) ? freelist_next(block) : NULL;
}

/*
 * The block to which a list without end comes back; NULL if it has one. A walker and one twice as
 * fast meet in the cycle, and then a third from the beginning meets the first at its entry
 * (R. W. Floyd's algorithm; D. E. Knuth, The Art of Computer Programming, 3.1, exercise 6).
 */
static struct os_memblock *
freelist_cycle(const struct os_mempool *mp)
{
    struct os_memblock *slow = mp->slh_first;
    struct os_memblock *fast = slow;

    do {
        slow = freelist_step(mp, slow);
        fast = freelist_step(mp, freelist_step(mp, fast));
    } while (fast != NULL && fast != slow);
    if (fast == NULL) {
        return NULL;
    }
    for (slow = mp->slh_first; slow != fast; slow = freelist_next(slow)) {
        fast = freelist_next(fast);
    }
    return slow;
}

static const char *
freelist_counts_damage(const struct os_mempool *mp, uint32_t num_free)
{
    if (num_free > mp->mp_num_blocks) {
        return "more blocks count as free than there are";
    }
    return mp->mp_min_free > num_free ? "the low-water mark is above the free count" : NULL;
}

/* The list ends or goes astray although more blocks should be on it. */
static const char *
freelist_link_damage(const struct os_memblock *block, const struct os_memblock *last)
{
    if (block == NULL) {
        return "the free list is shorter than the free count";
    }
    return last == NULL ? "the free list begins at no block of the pool"
                        : "the link of this free block leads to no block of the pool";
}

/* The list goes on behind its last block. */
static struct freelist_damage
freelist_excess(const struct os_mempool *mp, const struct os_memblock *last)
{
    const struct os_memblock *twice = freelist_cycle(mp);

    if (twice != NULL) {
        return (struct freelist_damage){"the free list comes back to this block", twice};
    }
    return (struct freelist_damage){"the free list is longer than the free count", last};
}

struct freelist_damage
freelist_inspect(const struct os_mempool *mp)
{
    struct os_memblock *block = mp->slh_first;
    const struct os_memblock *last = NULL;
    uint32_t num_free = freelist_count(mp);
    const char *what = freelist_counts_damage(mp, num_free);

    for (uint32_t left = num_free; left > 0 && what == NULL; left--) {
        if (!geometry_holds(mp, block)) {
            what = freelist_link_damage(block, last);
            break;
        }
        if (!freelist_key_is_set(mp, block)) {
            what = "the mark of this free block was overwritten";
        }
        last = block;
        block = freelist_next(block);
    }
    if (what == NULL && block != NULL) {
        return freelist_excess(mp, last);
    }
    return (struct freelist_damage){what, what != NULL ? last : NULL};
}
