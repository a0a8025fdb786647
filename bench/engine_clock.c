/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

static uint64_t block;

ENGINE_INLINE void *
nothing_get(void *pool, size_t block_bytes)
{
    return pool;
}

ENGINE_INLINE void
nothing_put(void *pool, void *data)
{
}

ENGINE_LOOPS(nothing)

static void *
nothing_open(size_t block_bytes, uint32_t n_blocks)
{
    return &block;
}

static void
nothing_close(void *pool)
{
}

const struct engine engine_clock = {
    .shareable = true,
    .open = nothing_open,
    .close = nothing_close,
    ENGINE_LOOPS_OF(nothing),
};
