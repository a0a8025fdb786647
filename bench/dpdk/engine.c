/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rte_mempool of DPDK by its bulk calls, with its own cache for the thread, without huge pages and
 * devices: what a program has of it that is no packet processor.
 */
#include "engine.h"

#include <rte_config.h>
#include <rte_eal.h>
#include <rte_mempool.h>
#include <sched.h>
#include <stdio.h>

const struct engine *engine_dpdk_preloaded(void);

/* EAL pins the thread to the CPU that it is told; no other contestant is pinned. */
static void
eal_start(void)
{
    char lcores[32];
    char *words[] = {
        "osmempool-bench", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level",
        "error",           "-m",        "64",       "--lcores",    lcores,           NULL};
    cpu_set_t allowed;
    int cpu = 0;

    sched_getaffinity(0, sizeof(allowed), &allowed);
    while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &allowed)) {
        cpu++;
    }
    snprintf(lcores, sizeof(lcores), "0@%d", cpu);
    if (rte_eal_init(sizeof(words) / sizeof(words[0]) - 1, words) < 0) {
        die("DPDK does not start; leave it out with -Ddpdk=disabled");
    }
    sched_setaffinity(0, sizeof(allowed), &allowed);
}

/* A cache may hold two thirds of the blocks at most. */
static void *
dpdk_open(size_t block_bytes, uint32_t n_blocks, uint32_t depth)
{
    struct rte_mempool *pool;

    eal_start();
    n_blocks = n_blocks > 2 * depth ? n_blocks : 2 * depth;
    depth = depth < RTE_MEMPOOL_CACHE_MAX_SIZE ? depth : RTE_MEMPOOL_CACHE_MAX_SIZE;
    pool = rte_mempool_create("bench", n_blocks, (unsigned)block_bytes, depth, 0, NULL, NULL, NULL,
                              NULL, SOCKET_ID_ANY, 0);
    if (pool == NULL) {
        die("DPDK makes no pool of %u blocks", n_blocks);
    }
    return pool;
}

static void
dpdk_close(void *opened)
{
    struct rte_mempool *pool = opened;

    if (!rte_mempool_full(pool)) {
        die("blocks of DPDK's pool are missing");
    }
    rte_mempool_free(pool);
}

static void
dpdk_batches(const struct lane *lane, uint32_t n_batches)
{
    for (; n_batches != 0; n_batches--) {
        for (uint32_t i = 0; i < lane->live; i += ENGINE_BULK) {
            if (rte_mempool_get_bulk(lane->pool, lane->window + i, ENGINE_BULK) != 0) {
                die("a bulk get failed although the pool is large enough");
            }
            engine_use(lane, lane->window + i);
        }
        for (uint32_t i = 0; i < lane->live; i += ENGINE_BULK) {
            rte_mempool_put_bulk(lane->pool, lane->window + i, ENGINE_BULK);
        }
    }
}

const struct engine *
engine_dpdk_preloaded(void)
{
    static const struct engine engine = {
        .open = dpdk_open,
        .close = dpdk_close,
        .batches = dpdk_batches,
    };

    return &engine;
}
