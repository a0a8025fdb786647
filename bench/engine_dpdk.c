/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPDK's engine lies in a library of its own, dpdk/engine.c, that is preloaded into its workers
 * only: nobody else's process shall have DPDK's libraries in it. These pass the calls on.
 */
#include "engine.h"

extern const struct engine *engine_dpdk_preloaded(void) __attribute__((weak));

bool
engine_dpdk_here(void)
{
    return engine_dpdk_preloaded != NULL;
}

static void *
dpdk_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    return engine_dpdk_preloaded()->open(block_bytes, n_blocks, depth);
}

static void
dpdk_close(void *pool)
{
    engine_dpdk_preloaded()->close(pool);
}

static void
dpdk_batches(const struct lane *lane, uint32_t n_batches)
{
    engine_dpdk_preloaded()->batches(lane, n_batches);
}

const struct engine engine_dpdk = {
    .shareable = false,
    .open = dpdk_open,
    .close = dpdk_close,
    .batches = dpdk_batches,
};
