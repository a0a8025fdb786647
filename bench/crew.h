/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crew.h: the threads of a worker process. They are made once and stand at a barrier between
 * rounds. A crew of one makes no thread: the caller works, and the process stays single-threaded.
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include <stdint.h>

struct crew;

/** What member does in a round: work until the clock shows deadline_ns. */
typedef void crew_job_fn(void *member, uint64_t deadline_ns);

/**
 * Makes a crew.
 *
 * @param n        Number of members.
 * @param cpus     Pins the process to that many of its CPUs; 0 for no pinning.
 * @param members  n pointers, each passed to its job; must outlive the crew.
 * @param jobs     n jobs.
 */
struct crew *crew_new(uint32_t n, uint32_t cpus, void *const *members, crew_job_fn *const *jobs);

/** How a round of a crew went. */
struct crew_round {
    uint64_t wall_ns; /**< from the first member's start to the last one's end */
    double waited;    /**< share of its time that a member waited for a CPU, on average */
};

/** Lets everybody work for some time. */
struct crew_round crew_work(struct crew *crew, uint64_t work_ns);

/** Ends the threads. Returns NULL. */
struct crew *crew_free(struct crew *crew);

#endif
