/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h: the parent's work: finds out who is here and drives the workers round by round.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "options.h"
#include "result.h"

/** Finds out which contestants can run here; fills in report->presences. */
void run_probe(struct report *report);

/** Measures all wanted cases; fills in report->results. Returns whether no worker failed. */
bool run_all(struct report *report, const struct options *options);

#endif
