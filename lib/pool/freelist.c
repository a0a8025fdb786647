/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/freelist.h"

#include "base/clock.h"

void
freelist_chain(struct os_mempool *mp)
{
    const size_t stride = geometry_stride(mp);
    char *block = (char *)mp->mp_membuf_addr;

    mp->slh_first = mp->mp_num_blocks > 0 ? (struct os_memblock *)(void *)block : NULL;
    for (uint32_t left = mp->mp_num_blocks; left > 0; left--) {
        char *next = block + stride;

        freelist_words(block)[FREELIST_LINK] = left > 1 ? (uintptr_t)next : 0;
        freelist_set_key(mp, block, freelist_key(mp, block));
        block = next;
    }
}

static struct os_memblock *
freelist_next(struct os_memblock *block)
{
    return (struct os_memblock *)freelist_words(block)[FREELIST_LINK];
}

/* A get of an empty pool. */
static void *
freelist_fail(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    counts_set_u64(&tail->failed, tail->failed + 1);
    counts_set_u64(&tail->failed_us, clock_now_us());
    return NULL;
}

/*
 * Stores list and counters after a get that left num_free blocks, of lost ones cut off. An odd
 * phase, as more than the word may change.
 */
static void
freelist_take_first(struct os_mempool *mp, struct os_memblock *next, uint32_t num_free,
                    uint32_t lost)
{
    struct pool_tail *tail = pool_tail(mp);
    uint64_t gets = (counts_load(mp) >> 32) + 1;

    counts_begin(mp);
    mp->slh_first = next;
    __atomic_store_n(&tail->adjust, tail->adjust + lost, __ATOMIC_RELEASE);
    __atomic_store_n(&tail->gets_high, tail->gets_high + (uint32_t)(gets >> 32), __ATOMIC_RELEASE);
    counts_write(mp, gets << 32 | num_free);
    counts_end(mp);
    if (num_free < mp->mp_min_free) {
        counts_set_u32(&mp->mp_min_free, num_free);
        counts_set_u64(&tail->min_us, clock_now_us());
    }
}

/*
 * The rest of the list is lost if its first link is not what the free count says: another block, or
 * nothing after the last one. The lost blocks count as out until the pool is cleared.
 */
void *
freelist_pop_slow(struct os_mempool *mp)
{
    struct os_memblock *block = mp->slh_first;
    uint32_t left = counts_free(counts_load(mp));
    struct os_memblock *next;

    if (left == 0) {
        return freelist_fail(mp);
    }
    left--;
    next = freelist_next(block);
    if (left > 0 ? geometry_holds(mp, next) : next == NULL) {
        freelist_take_first(mp, next, left, 0);
    } else {
        freelist_take_first(mp, NULL, 0, left);
    }
    freelist_set_key(mp, block, 0);
    return block;
}

os_error_t
freelist_refuse(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    counts_set_u64(&tail->refused, tail->refused + 1);
    return OS_INVALID_PARM;
}

/* Follows the links for as many blocks as are free, or until one leads out of the pool. */
static bool
freelist_walk_finds(const struct os_mempool *mp, const void *wanted)
{
    struct os_memblock *block = mp->slh_first;

    for (uint32_t left = counts_free(counts_load(mp)); left > 0; left--) {
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
    uint32_t num_free = counts_free(counts_load(mp));

    if (num_free == mp->mp_num_blocks) {
        return true;
    }
    if (!geometry_has_key(mp) && num_free > FREELIST_WALK_MAX) {
        return false;
    }
    return freelist_walk_finds(mp, block);
}

static bool
freelist_key_is_set(const struct os_mempool *mp, struct os_memblock *block)
{
    return !geometry_has_key(mp) || freelist_words(block)[FREELIST_KEY] == freelist_key(mp, block);
}

bool
freelist_is_sane(const struct os_mempool *mp)
{
    struct os_memblock *block = mp->slh_first;
    uint32_t num_free = counts_free(counts_load(mp));

    if (num_free > mp->mp_num_blocks || mp->mp_min_free > num_free) {
        return false;
    }
    for (uint32_t left = num_free; left > 0; left--) {
        if (!geometry_holds(mp, block) || !freelist_key_is_set(mp, block)) {
            return false;
        }
        block = freelist_next(block);
    }
    return block == NULL;
}
