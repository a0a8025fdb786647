/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "engine.h"

ENGINE_INLINE void *
heap_get(void *pool, size_t block_bytes)
{
    return malloc(block_bytes);
}

ENGINE_INLINE void
heap_put(void *pool, void *block)
{
    free(block);
}

ENGINE_LOOPS(heap)

static char heap;

static void *
heap_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    return &heap;
}

static void
heap_close(void *pool)
{
}

const struct engine engine_malloc = {
    .shareable = true,
    .open = heap_open,
    .close = heap_close,
    ENGINE_LOOPS_OF(heap),
};
