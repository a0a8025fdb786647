/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h: how much of each pool was in use in the last reports. A history goes along from a pool
 * to the same pool of the next report, so that its address also tells which pool is which.
 */
#ifndef MEMPOOLSTAT_HISTORY_H
#define MEMPOOLSTAT_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct report;

#define HISTORY_LENGTH 240

struct history {
    uint16_t permille[HISTORY_LENGTH]; /* a ring */
    size_t n, next;                    /* how many there are; where the next one goes */
};

/** Gives each pool of a report its history of the earlier one, and adds the use of now. */
void history_follow(struct report *report, const struct report *earlier);

/** The use n reports ago, in thousandths; negative if that is too long ago. */
int history_at(const struct history *history, size_t n);

#endif
