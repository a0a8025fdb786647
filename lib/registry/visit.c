/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/visit.h"

#include <string.h>

#include "base/arena.h"
#include "check/check.h"
#include "registry/registry.h"

size_t
visit_all(struct visit *visits, size_t room)
{
    size_t n = 0;

    registry_enter();
    for (struct node *node = registry_first(); node != NULL; node = registry_next(node)) {
        if (n < room) {
            visits[n] = (struct visit){.pool = node->mp, .identity = node->identity};
            memcpy(visits[n].name, node->name, sizeof(visits[n].name));
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
    const struct node *node = registry_find_intact(visit->pool);

    if (node != NULL && node->identity.id == visit->identity.id) {
        return node->mp;
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

/* What is told of a pool whether it is tracked or not. */
static void
visit_look(struct visit *visit)
{
    struct visit_holders *holders = &visit->holders;
    struct pool_counts counts;
    struct os_mempool *mp;

    registry_enter();
    mp = visit_find(visit);
    if (mp != NULL) {
        counts_read(mp, &counts);
        holders->block_size = counts.block_size;
        holders->num_blocks = counts.num_blocks;
        holders->n_out = counts.num_blocks - counts.num_free;
        holders->tracked = check_is_tracked(mp);
        visit->state = holders->tracked ? VISIT_BUSY : VISIT_DONE;
    }
    registry_leave();
}

void
visit_holders_end(struct visit_holders *holders)
{
    arena_free(holders->gets, holders->room * sizeof(*holders->gets));
    holders->gets = NULL;
}

/* Memory is allocated before the registry is entered. If there is none the pool stays busy. */
void
visit_holders(struct visit *visit)
{
    struct visit_holders *holders = &visit->holders;
    struct os_mempool *mp;

    visit_look(visit);
    if (visit->state != VISIT_BUSY) {
        return;
    }
    visit_holders_end(holders);
    holders->room = (size_t)holders->num_blocks + 1;
    holders->gets = arena_alloc_array(holders->room, sizeof(*holders->gets));
    if (holders->gets == NULL) {
        return;
    }
    registry_enter();
    mp = visit_find(visit);
    if (mp != NULL && check_is_tracked(mp) && mp->mp_num_blocks == holders->num_blocks &&
        pool_try_copy_gets(mp, holders->gets, &holders->n_out)) {
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
