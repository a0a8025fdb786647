/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finder.h: which registered pools have an address.
 *
 * Synchronization: between registry_enter() and registry_leave().
 */
#ifndef OSMP_REGISTRY_FINDER_H
#define OSMP_REGISTRY_FINDER_H

#include "check/fault.h"
#include "registry/node.h"

/* For a pool under the word check that has just been registered: notes each other pool that was
 * made on some of the same memory, unless the new one is inside of a block that is out. */
void finder_note_shared(const struct node *node, struct faults *faults);

/*
 * A pool is about to be made: what tools were told of pools that are over, but keep something, is
 * void where the new pool's struct or buffer lies on theirs.
 */
void finder_end_marks(const struct node *node);

#endif
