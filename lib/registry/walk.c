/* SPDX-License-Identifier: Apache-2.0 */
/* walk.c: the registry as its users see it. */
#include <limits.h>
#include <string.h>

#include "base/compiler.h"
#include "check/fault.h"
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

/* The node or the first after it whose pool is intact; those that are not are noted. */
static struct node *
walk_to_intact(struct node *node, struct faults *faults)
{
    while (node != NULL && !registry_is_intact(node)) {
        fault_note_gone(faults, node->mp, node->identity.id, OSMEMPOOL_FAULT_OVERWRITTEN,
                        node->name);
        node = node->next;
    }
    return node;
}

/* NULL for the pool before: the walk begins. A pool that is not registered has none after it. */
static struct node *
walk_next(struct os_mempool *mp, struct faults *faults)
{
    struct node *node;

    if (mp == NULL) {
        return walk_to_intact(registry_first_any(), faults);
    }
    node = registry_find(mp);
    return node != NULL ? walk_to_intact(node->next, faults) : NULL;
}

OSMP_PUBLIC struct os_mempool *
os_mempool_info_get_next(struct os_mempool *mp, struct os_mempool_info *omi)
{
    struct os_mempool *next;
    struct faults faults;
    struct node *node;

    faults_begin(&faults);
    registry_enter();
    node = walk_next(mp, &faults);
    next = node != NULL ? node->mp : NULL;
    walk_tell(next, omi);
    registry_leave();
    faults_report(&faults, osmp_caller());
    return next;
}
OSMP_LOCAL_NAME(os_mempool_info_get_next);

static bool
walk_is_named(const struct node *node, const char *name)
{
    return strncmp(node->name, name, OS_MEMPOOL_INFO_NAME_LEN - 1) == 0;
}

OSMP_PUBLIC struct os_mempool *
os_mempool_get(const char *name, struct os_mempool_info *info)
{
    struct os_mempool *mp = NULL;
    struct faults faults;
    struct node *node;

    if (name == NULL) {
        return NULL;
    }
    faults_begin(&faults);
    registry_enter();
    node = walk_to_intact(registry_first_any(), &faults);
    while (node != NULL && !walk_is_named(node, name)) {
        node = walk_to_intact(node->next, &faults);
    }
    mp = node != NULL ? node->mp : NULL;
    walk_tell(mp, info);
    registry_leave();
    faults_report(&faults, osmp_caller());
    return mp;
}
OSMP_LOCAL_NAME(os_mempool_get);
