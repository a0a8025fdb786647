/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h: when a pool has too few free blocks, and what that means for the exit status.
 */
#ifndef MEMPOOLSTAT_JUDGE_H
#define MEMPOOLSTAT_JUDGE_H

#include "model.h"

/** The limits by which rows are coloured if the user gives none: few blocks, and no block at all.
 */
struct limits judge_limits(const struct limits *limits);

/** EXIT_FINE, EXIT_WARNING or EXIT_CRITICAL. A pool without blocks is fine. */
int judge_pool(const struct limits *limits, const struct pool *pool);

/**
 * Says which of the pools or checks that a report has chosen are not fine, a line for each of the
 * pools. Returns the worst exit status.
 */
int judge_report(const struct limits *limits, const struct report *report);

/** The exit status that matters more: critical before nothing to read before a warning. */
int judge_worse(int status, int other);

#endif
