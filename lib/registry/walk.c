/* SPDX-License-Identifier: Apache-2.0 */
/* walk.c: the registry as its users see it. */
#include <limits.h>
#include <string.h>

#include "base/compiler.h"
#include "registry/registry.h"

static int
walk_clamp(uint32_t value)
{
    return value < INT_MAX ? (int)value : INT_MAX;
}

static void
walk_tell(const struct os_mempool *mp, struct os_mempool_info *omi)
{
    struct pool_counts counts;

    if (mp == NULL || omi == NULL) {
        return;
    }
    counts_read(mp, &counts);
    omi->omi_block_size = walk_clamp(counts.block_size);
    omi->omi_num_blocks = walk_clamp(counts.num_blocks);
    omi->omi_num_free = walk_clamp(counts.num_free);
    omi->omi_min_free = walk_clamp(counts.min_free);
    memcpy(omi->omi_name, counts.name, sizeof(omi->omi_name));
}

OSMP_PUBLIC struct os_mempool *
os_mempool_info_get_next(struct os_mempool *mp, struct os_mempool_info *omi)
{
    struct os_mempool *next = NULL;

    registry_enter();
    if (mp == NULL) {
        next = registry_first();
    } else if (registry_has(mp)) {
        next = registry_next(mp);
    }
    walk_tell(next, omi);
    registry_leave();
    return next;
}

static bool
walk_is_named(const struct os_mempool *mp, const char *name)
{
    const char *own = pool_tail_const(mp)->name;

    return strncmp(own, name, OS_MEMPOOL_INFO_NAME_LEN - 1) == 0;
}

OSMP_PUBLIC struct os_mempool *
os_mempool_get(const char *name, struct os_mempool_info *info)
{
    struct os_mempool *mp;

    if (name == NULL) {
        return NULL;
    }
    registry_enter();
    mp = registry_first();
    while (mp != NULL && !walk_is_named(mp, name)) {
        mp = registry_next(mp);
    }
    walk_tell(mp, info);
    registry_leave();
    return mp;
}
