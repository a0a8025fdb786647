/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/freelist.h"

#include "base/clock.h"

static void
freelist_set_key(const struct os_mempool *mp, void *block, uintptr_t key)
{
    if (geometry_has_key(mp)) {
        osmp_words(block)[OSMP_KEY] = key;
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
    uint64_t gets = (uint64_t)counts_gets(osmp_counts_load(mp)) + 1;

    counts_begin(mp);
    mp->slh_first = next;
    __atomic_store_n(&tail->adjust, tail->adjust + lost, __ATOMIC_RELEASE);
    __atomic_store_n(&tail->gets_high, tail->gets_high + (uint32_t)(gets >> 32), __ATOMIC_RELEASE);
    counts_write(mp, counts_of((uint32_t)gets, num_free));
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
    uint32_t left = counts_free(osmp_counts_load(mp));
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

    for (uint32_t left = counts_free(osmp_counts_load(mp)); left > 0; left--) {
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
    uint32_t num_free = counts_free(osmp_counts_load(mp));

    if (num_free == mp->mp_num_blocks) {
        return true;
    }
    if (!geometry_has_key(mp) && num_free > FREELIST_WALK_MAX) {
        return false;
    }
    return freelist_walk_finds(mp, block);
}

os_error_t
freelist_push_slow(struct os_mempool *mp, void *block)
{
    if (!geometry_holds(mp, block) || (freelist_may_have(mp, block) && freelist_has(mp, block)) ||
        counts_free(osmp_counts_load(mp)) == mp->mp_num_blocks) {
        return freelist_refuse(mp);
    }
    osmp_words(block)[OSMP_LINK] = (uintptr_t)mp->slh_first;
    freelist_set_key(mp, block, osmp_key(mp, block));
    mp->slh_first = block;
    osmp_counts_store(mp, osmp_counts_load(mp) + 1);
    return OS_OK;
}

static bool
freelist_key_is_set(const struct os_mempool *mp, struct os_memblock *block)
{
    return !geometry_has_key(mp) || osmp_words(block)[OSMP_KEY] == osmp_key(mp, block);
}

bool
freelist_is_sane(const struct os_mempool *mp)
{
    struct os_memblock *block = mp->slh_first;
    uint32_t num_free = counts_free(osmp_counts_load(mp));

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
