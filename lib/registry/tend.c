/* SPDX-License-Identifier: Apache-2.0 */
/* tend.c: calls that set up or look at a registered pool. */
#include <string.h>

#include "base/compiler.h"
#include "osmempool.h"
#include "pool/pool.h"
#include "registry/cache_rules.h"
#include "registry/registry.h"

/* Does something with a pool while it is sure to stay registered. */
static os_error_t
tend_set_cache(struct os_mempool *mp, uint32_t depth)
{
    bool done = false;

    registry_enter();
    while (!done && registry_find_intact(mp) != NULL) {
        done = pool_try_set_cache(mp, depth);
        if (!done) {
            registry_rest();
        }
    }
    registry_leave();
    return done ? OS_OK : OS_INVALID_PARM;
}

OSMP_PUBLIC os_error_t
os_mempool_cache_enable(struct os_mempool *mp, uint32_t depth)
{
    if (depth == 0 || depth > CACHE_DEPTH_MAX) {
        return OS_INVALID_PARM;
    }
    return tend_set_cache(mp, depth);
}
OSMP_LOCAL_NAME(os_mempool_cache_enable);

OSMP_PUBLIC os_error_t
os_mempool_cache_disable(struct os_mempool *mp)
{
    return tend_set_cache(mp, 0);
}
OSMP_LOCAL_NAME(os_mempool_cache_disable);

OSMP_PUBLIC os_error_t
os_mempool_min_reset(struct os_mempool *mp)
{
    bool done = false;
    uint32_t mark;

    registry_enter();
    while (!done && registry_find_intact(mp) != NULL) {
        done = pool_try_reset_min(mp, &mark);
        if (!done) {
            registry_rest();
        }
    }
    registry_leave();
    return done ? OS_OK : OS_INVALID_PARM;
}
OSMP_LOCAL_NAME(os_mempool_min_reset);

static struct os_mempool_stats
tend_stats(const struct pool_counts *counts, uint64_t id, size_t size)
{
    return (struct os_mempool_stats){
        .size = (uint32_t)size,
        .num_blocks = counts->num_blocks,
        .num_free = counts->num_free,
        .min_free = counts->min_free,
        .num_cached = counts->num_cached,
        .gets = counts->gets,
        .puts = counts->puts,
        .adjust = counts->adjust,
        .failed = counts->failed,
        .refused = counts->refused,
        .failed_time = counts->failed_us,
        .min_time = counts->min_us,
        .faults = counts->faults,
        .stale = counts->stale,
        .id = id,
    };
}

OSMP_PUBLIC os_error_t
os_mempool_stats_get(const struct os_mempool *mp, struct os_mempool_stats *st, size_t st_size)
{
    size_t size = st_size < sizeof(*st) ? st_size : sizeof(*st);
    struct os_mempool_stats all;
    struct pool_counts counts;
    const struct node *node;
    uint64_t id = 0;

    if (mp == NULL || st == NULL || size < sizeof(st->size)) {
        return OS_INVALID_PARM;
    }
    registry_enter();
    node = registry_find_intact(mp);
    if (node != NULL) {
        id = node->identity.id;
        counts_read(mp, &counts);
    }
    registry_leave();
    if (id == 0) {
        return OS_INVALID_PARM;
    }
    all = tend_stats(&counts, id, size);
    memcpy(st, &all, size);
    return OS_OK;
}
OSMP_LOCAL_NAME(os_mempool_stats_get);
