/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "buffer.h"
#include "clock.h"
#include "die.h"
#include "pools.h"
#include "shuffle.h"

/* One of many pools: small, as it is the number of pools that counts there. */
#define MANY_BLOCK_BYTES 64
#define MANY_BLOCKS      4

void
pools_init(struct os_mempool *mp, void *buffer, size_t block_bytes, uint32_t n_blocks)
{
    if (os_mempool_init(mp, n_blocks, (uint32_t)block_bytes, buffer, POOLS_NAME) != OS_OK) {
        die("os_mempool_init failed for %u blocks of %zu bytes", n_blocks, block_bytes);
    }
}

static void
pools_unregister(struct os_mempool *mp)
{
    if (os_mempool_unregister(mp) != OS_OK) {
        die("os_mempool_unregister failed");
    }
}

struct os_mempool *
pools_open(size_t block_bytes, uint32_t n_blocks)
{
    struct os_mempool *mp = buffer_new(sizeof(*mp));

    pools_init(mp, buffer_new(OS_MEMPOOL_BYTES(n_blocks, block_bytes)), block_bytes, n_blocks);
    return mp;
}

/* Unregistered first: that brings the blocks in caches home. */
void
pools_close(struct os_mempool *mp)
{
    os_mempool_unregister(mp);
    if (mp->mp_num_free != mp->mp_num_blocks || !os_mempool_is_sane(mp)) {
        die("the pool is damaged: %u of %u blocks are free", mp->mp_num_free, mp->mp_num_blocks);
    }
    free((void *)mp->mp_membuf_addr);
    free(mp);
}

static struct pools
many_memory(uint32_t n)
{
    return (struct pools){
        .pools = buffer_new(n * sizeof(struct os_mempool)),
        .buffers = buffer_new(n * OS_MEMPOOL_BYTES(MANY_BLOCKS, MANY_BLOCK_BYTES)),
        .n = n,
    };
}

static void
many_init(const struct pools *many)
{
    const size_t bytes = OS_MEMPOOL_BYTES(MANY_BLOCKS, MANY_BLOCK_BYTES);

    for (uint32_t i = 0; i < many->n; i++) {
        pools_init(&many->pools[i], many->buffers + i * bytes, MANY_BLOCK_BYTES, MANY_BLOCKS);
    }
}

struct pools
pools_many_new(uint32_t n)
{
    struct pools many = many_memory(n);

    many_init(&many);
    return many;
}

void
pools_many_free(struct pools *many)
{
    for (uint32_t i = 0; i < many->n; i++) {
        pools_unregister(&many->pools[i]);
    }
    free(many->buffers);
    free(many->pools);
}

uint64_t
pools_format_ns(void *buffer, size_t block_bytes, uint32_t n_blocks)
{
    struct os_mempool mp;
    uint64_t begin = clock_now_ns();
    uint64_t end;

    pools_init(&mp, buffer, block_bytes, n_blocks);
    end = clock_now_ns();
    pools_unregister(&mp);
    return end - begin;
}

/* Unregisters in a shuffled order: the first or last of a list is no test. */
void
pools_enrol_ns(uint32_t n_pools, uint64_t *register_ns, uint64_t *unregister_ns)
{
    struct pools many = many_memory(n_pools);
    uint32_t *order = shuffle_new(n_pools, true);
    uint64_t begin = clock_now_ns();
    uint64_t between;

    many_init(&many);
    between = clock_now_ns();
    for (uint32_t i = 0; i < n_pools; i++) {
        pools_unregister(&many.pools[order[i]]);
    }
    *register_ns = between - begin;
    *unregister_ns = clock_now_ns() - between;
    free(order);
    free(many.buffers);
    free(many.pools);
}
