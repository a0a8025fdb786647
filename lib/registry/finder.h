/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finder.h: which registered pools have an address.
 *
 * Synchronization: between registry_enter() and registry_leave().
 */
#ifndef OSMP_REGISTRY_FINDER_H
#define OSMP_REGISTRY_FINDER_H

#include "check/fault.h"

/* For a pool under the word check that has just been registered: notes each other pool that was
 * made on some of the same memory, unless the new one is inside of a block that is out. */
void finder_note_shared(struct os_mempool *mp, struct faults *faults);

#endif
