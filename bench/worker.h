/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h: the child process that measures one contestant in one case.
 *
 * A process of its own for each, as a preloaded malloc needs one; one for each case, so that no
 * case inherits another's heap or threads (glibc's malloc and mutex are faster while a process has
 * one thread). It speaks lines: it writes "ready FILE-OF-MALLOC", then answers each line "MS" by
 * working so many milliseconds and writing "ok VALUE...", until its input ends.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <stdint.h>

/**
 * Values of one answer: a figure, then, where threads are timed, the share of time that they waited
 * for a CPU; for latencies WORKER_PERCENTILES of gets, then of puts.
 */
#define WORKER_PERCENTILES 5
#define WORKER_VALUES_MAX  (2 * WORKER_PERCENTILES)

/** Case name that measures nothing: tells only whether and how a contestant can run. */
#define WORKER_PROBE "probe"

/** Share of samples that each percentile stands for; the last is the worst of all. */
extern const double worker_percentiles[WORKER_PERCENTILES];
extern const char *const worker_percentile_names[WORKER_PERCENTILES];

/** Runs a worker to its end; the exit status of the process. */
int worker_run(const char *contestant_name, const char *case_name);

#endif
