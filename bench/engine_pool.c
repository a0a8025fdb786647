/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"
#include "osmempool.h"
#include "pools.h"

ENGINE_INLINE void *
pool_get(void *pool, size_t block_bytes)
{
    return os_memblock_get(pool);
}

ENGINE_INLINE void
pool_put(void *pool, void *block)
{
    os_memblock_put(pool, block);
}

ENGINE_LOOPS(pool)

static void *
pool_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    return pools_open(block_bytes, n_blocks);
}

static void *
cached_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    struct os_mempool *mp = pools_open(block_bytes, n_blocks);

    if (os_mempool_cache_enable(mp, depth) != OS_OK) {
        die("os_mempool_cache_enable failed for a depth of %u", depth);
    }
    return mp;
}

/* A pool that is not registered works, but no thread ever owns it: each call takes its lock. */
static void *
locked_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    struct os_mempool *mp = pools_open(block_bytes, n_blocks);

    if (os_mempool_unregister(mp) != OS_OK) {
        die("os_mempool_unregister failed");
    }
    return mp;
}

static void
pool_close(void *pool)
{
    pools_close(pool);
}

const struct engine engine_pool = {
    .shareable = true,
    .open = pool_open,
    .close = pool_close,
    ENGINE_LOOPS_OF(pool),
    .format_ns = pools_format_ns,
    .enrol_ns = pools_enrol_ns,
    .exports = true,
};

const struct engine engine_cached = {
    .shareable = true,
    .open = cached_open,
    .close = pool_close,
    ENGINE_LOOPS_OF(pool),
};

const struct engine engine_locked = {
    .shareable = true,
    .open = locked_open,
    .close = pool_close,
    ENGINE_LOOPS_OF(pool),
};

/* Get and put of a whole window by the bulk calls, in the order in which they were got. */
static void
bulk_batches(const struct lane *lane, uint32_t n_batches)
{
    for (; n_batches != 0; n_batches--) {
        for (uint32_t i = 0; i < lane->live; i += ENGINE_BULK) {
            if (os_memblock_get_bulk(lane->pool, lane->window + i, ENGINE_BULK) != OS_OK) {
                die("a bulk get failed although the pool is large enough");
            }
            engine_use(lane, lane->window + i);
        }
        for (uint32_t i = 0; i < lane->live; i += ENGINE_BULK) {
            if (os_memblock_put_bulk(lane->pool, lane->window + i, ENGINE_BULK) != OS_OK) {
                die("a bulk put was refused");
            }
        }
    }
}

const struct engine engine_bulk = {
    .shareable = true,
    .open = cached_open,
    .close = pool_close,
    .batches = bulk_batches,
};
