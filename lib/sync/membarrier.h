/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membarrier.h: a full memory barrier in every thread of the process at once.
 *
 * The expensive side of an asymmetric Dekker pair: the other side needs no barrier. membarrier(2),
 * MEMBARRIER_CMD_PRIVATE_EXPEDITED; Linux 4.14 or later.
 */
#ifndef OSMP_SYNC_MEMBARRIER_H
#define OSMP_SYNC_MEMBARRIER_H

#include <stdbool.h>

/* Registers the process for it; false if the kernel has none, or does not allow it. */
bool membarrier_register(void);

/* The barrier; false if it failed, as a filter may forbid it at any time. */
bool membarrier_all(void);

#endif
