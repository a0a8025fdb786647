/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/visit.h"

#include <string.h>

#include "registry/registry.h"

size_t
visit_all(struct visit *visits, size_t room)
{
    size_t n = 0;

    registry_enter();
    for (struct os_mempool *mp = registry_first(); mp != NULL; mp = registry_next(mp)) {
        if (n < room) {
            visits[n] = (struct visit){.pool = mp};
            memcpy(visits[n].name, pool_tail_const(mp)->name, sizeof(visits[n].name));
        }
        n++;
    }
    registry_leave();
    return n;
}

/* The pool, while the registry's mutex is held; NULL if it is gone, or another is in its place. */
static struct os_mempool *
visit_find(struct visit *visit)
{
    struct os_mempool *mp = (struct os_mempool *)(uintptr_t)visit->pool;

    if (registry_has(mp) && strcmp(pool_tail_const(mp)->name, visit->name) == 0) {
        return mp;
    }
    visit->state = VISIT_GONE;
    return NULL;
}

void
visit_check(struct visit *visit)
{
    struct os_mempool *mp;

    registry_enter();
    mp = visit_find(visit);
    if (mp != NULL && pool_try_check(mp, &visit->damage)) {
        visit->state = VISIT_DONE;
    }
    registry_leave();
}

void
visit_reset_min(struct visit *visit)
{
    struct os_mempool *mp;

    registry_enter();
    mp = visit_find(visit);
    if (mp != NULL && pool_try_reset_min(mp, &visit->min_free)) {
        visit->state = VISIT_DONE;
    }
    registry_leave();
}
