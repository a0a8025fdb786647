/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h: the counters of all registered pools, as plain records of one moment.
 */
#ifndef OSMP_SNAPSHOT_SNAPSHOT_H
#define OSMP_SNAPSHOT_SNAPSHOT_H

#include <stddef.h>

#include "registry/registry.h"

struct snapshot {
    struct registry_row *pools; /* in order of registration */
    size_t n_pools;
    struct registry_totals totals;
};

/*
 * Fills in a snapshot; snapshot_free() ends it. Returns 0 or -ENOMEM, which leaves it unset.
 * Memory is had before the registry is entered, so a slow malloc stops no pool's birth.
 */
int snapshot_take(struct snapshot *snapshot);

void snapshot_free(struct snapshot *snapshot);

#endif
