/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cell.h: numbers as tables and the full screen show them. Each is a new string, to be freed.
 */
#ifndef MEMPOOLSTAT_CELL_H
#define MEMPOOLSTAT_CELL_H

#include "model.h"

/** A count, or a dash for MODEL_ABSENT. */
char *cell_count(int64_t count);

/** How many more, with its sign. A dash if one of the two is not known. */
char *cell_change(int64_t now, int64_t before);

/** Blocks in use, in percent of all, rounded down: 100.0 is a pool without a free block. */
char *cell_use(const struct pool *pool);

/** A rate per second, or a dash if it is not known. */
char *cell_rate(double rate);

/** A moment of local time, to the second; empty if it is not known. */
char *cell_time(int64_t us);

/** An age, in the largest units that it fills. */
char *cell_age(int64_t us);

#endif
