/* SPDX-License-Identifier: Apache-2.0 */
/* The stock calls, compiled into the program. */
#define OSMEMPOOL_INLINE
#include "engine.h"
#include "os/os_mempool.h"
#include "pools.h"

ENGINE_INLINE void *
inline_get(void *pool, size_t block_bytes)
{
    return os_memblock_get(pool);
}

ENGINE_INLINE void
inline_put(void *pool, void *block)
{
    os_memblock_put(pool, block);
}

ENGINE_LOOPS(inline)

static void *
inline_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    return pools_open(block_bytes, n_blocks);
}

static void
inline_close(void *pool)
{
    pools_close(pool);
}

const struct engine engine_inline = {
    .shareable = true,
    .open = inline_open,
    .close = inline_close,
    ENGINE_LOOPS_OF(inline),
};
