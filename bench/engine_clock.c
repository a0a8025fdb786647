/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

/* One for each thread: a word that all of them write would measure the cache, not the clock. */
static _Thread_local uint64_t block;
static char nothing;

ENGINE_INLINE void *
nothing_get(void *pool, size_t block_bytes)
{
    return &block;
}

ENGINE_INLINE void
nothing_put(void *pool, void *data)
{
}

ENGINE_LOOPS(nothing)

static void *
nothing_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    return &nothing;
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
