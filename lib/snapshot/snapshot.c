/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/snapshot.h"

#include <errno.h>
#include <stdlib.h>

/* Room for pools that are born between the count and the copy; also keeps the size above 0. */
enum { SNAPSHOT_SPARE = 16 };

int
snapshot_take(struct snapshot *snapshot)
{
    struct registry_row *pools = NULL;
    size_t n = registry_count();
    size_t room;

    /* An eighth more at each turn: no registry outgrows that for long. */
    do {
        room = n + n / 8 + SNAPSHOT_SPARE;
        free(pools);
        pools = calloc(room, sizeof(*pools));
        if (pools == NULL) {
            return -ENOMEM;
        }
        n = registry_copy(pools, room);
    } while (n > room);
    *snapshot = (struct snapshot){.pools = pools, .n_pools = n, .totals = registry_totals()};
    return 0;
}

void
snapshot_free(struct snapshot *snapshot)
{
    free(snapshot->pools);
    *snapshot = (struct snapshot){0};
}
