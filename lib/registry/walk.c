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

/* The pool after mp, or the first. An end that is none is noted. */
static struct os_mempool *
walk_next(struct os_mempool *mp, struct faults *faults)
{
    struct os_mempool *next = mp == NULL ? registry_first() : registry_next(mp);
    struct os_mempool *overwritten = next == NULL ? registry_overwritten(mp) : NULL;

    if (overwritten != NULL) {
        fault_note_overwritten(faults, overwritten);
    }
    return next;
}

OSMP_PUBLIC struct os_mempool *
os_mempool_info_get_next(struct os_mempool *mp, struct os_mempool_info *omi)
{
    struct os_mempool *next = NULL;
    struct faults faults;

    faults_begin(&faults);
    registry_enter();
    if (mp == NULL || registry_has(mp)) {
        next = walk_next(mp, &faults);
    }
    walk_tell(next, omi);
    registry_leave();
    faults_report(&faults, osmp_caller());
    return next;
}
OSMP_LOCAL_NAME(os_mempool_info_get_next);

static bool
walk_is_named(const struct os_mempool *mp, const char *name)
{
    const char *own = pool_tail_const(mp)->name;

    return strncmp(own, name, OS_MEMPOOL_INFO_NAME_LEN - 1) == 0;
}

OSMP_PUBLIC struct os_mempool *
os_mempool_get(const char *name, struct os_mempool_info *info)
{
    struct os_mempool *mp = NULL;
    struct faults faults;

    if (name == NULL) {
        return NULL;
    }
    faults_begin(&faults);
    registry_enter();
    do {
        mp = walk_next(mp, &faults);
    } while (mp != NULL && !walk_is_named(mp, name));
    walk_tell(mp, info);
    registry_leave();
    faults_report(&faults, osmp_caller());
    return mp;
}
OSMP_LOCAL_NAME(os_mempool_get);
