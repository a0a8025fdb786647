/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "buffer.h"
#include "engine.h"
#include "os/os_mempool.h"
#include "shuffle.h"

/* A pool of the registry cases: small, as it is the number of pools that counts there. */
#define ENROL_BLOCK_BYTES 64
#define ENROL_BLOCKS      4

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

static void
pool_init(struct os_mempool *mp, void *buffer, size_t block_bytes, uint32_t n_blocks)
{
    if (os_mempool_init(mp, n_blocks, (uint32_t)block_bytes, buffer, "bench") != OS_OK) {
        die("os_mempool_init failed for %u blocks of %zu bytes", n_blocks, block_bytes);
    }
}

static void
pool_unregister(struct os_mempool *mp)
{
    if (os_mempool_unregister(mp) != OS_OK) {
        die("os_mempool_unregister failed");
    }
}

static void *
pool_open(size_t block_bytes, uint32_t n_blocks)
{
    struct os_mempool *mp = buffer_new(sizeof(*mp));

    pool_init(mp, buffer_new(OS_MEMPOOL_BYTES(n_blocks, block_bytes)), block_bytes, n_blocks);
    return mp;
}

static void
pool_close(void *opened)
{
    struct os_mempool *mp = opened;

    if (mp->mp_num_free != mp->mp_num_blocks || !os_mempool_is_sane(mp)) {
        die("the pool is damaged: %u of %u blocks are free", mp->mp_num_free, mp->mp_num_blocks);
    }
    pool_unregister(mp);
    free((void *)mp->mp_membuf_addr);
    free(mp);
}

static uint64_t
pool_format_ns(void *buffer, size_t block_bytes, uint32_t n_blocks)
{
    struct os_mempool mp;
    uint64_t begin = clock_now_ns();
    uint64_t end;

    pool_init(&mp, buffer, block_bytes, n_blocks);
    end = clock_now_ns();
    pool_unregister(&mp);
    return end - begin;
}

/* Unregisters in a shuffled order: the first or last of a list is no test. */
static void
pool_enrol_ns(uint32_t n_pools, uint64_t *register_ns, uint64_t *unregister_ns)
{
    const size_t bytes = OS_MEMPOOL_BYTES(ENROL_BLOCKS, ENROL_BLOCK_BYTES);
    struct os_mempool *pools = buffer_new(n_pools * sizeof(*pools));
    char *buffers = buffer_new(n_pools * bytes);
    uint32_t *order = shuffle_new(n_pools, true);
    uint64_t begin = clock_now_ns();
    uint64_t between;

    for (uint32_t i = 0; i < n_pools; i++) {
        pool_init(&pools[i], buffers + i * bytes, ENROL_BLOCK_BYTES, ENROL_BLOCKS);
    }
    between = clock_now_ns();
    for (uint32_t i = 0; i < n_pools; i++) {
        pool_unregister(&pools[order[i]]);
    }
    *register_ns = between - begin;
    *unregister_ns = clock_now_ns() - between;
    free(order);
    free(buffers);
    free(pools);
}

const struct engine engine_pool = {
    .shareable = true,
    .open = pool_open,
    .close = pool_close,
    ENGINE_LOOPS_OF(pool),
    .format_ns = pool_format_ns,
    .enrol_ns = pool_enrol_ns,
};
