/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h: the parent's end of a worker process.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "contestants.h"
#include "worker.h"

struct child {
    pid_t pid;
    FILE *requests;
    FILE *answers;
};

/**
 * Starts a worker and waits until it is ready.
 *
 * @param child      Filled in.
 * @param who        Contestant; its library is preloaded.
 * @param case_name  Case, or WORKER_PROBE.
 * @param provider   Where the name of malloc's library file goes, n_provider bytes.
 * @return  Whether it is ready. If not, child_stop() must still be called.
 */
bool child_start(struct child *child, const struct contestant *who, const char *case_name,
                 char *provider, size_t n_provider);

/**
 * Lets a worker work a round.
 *
 * @return Number of values it answered, 0 if it failed.
 */
uint32_t child_round(struct child *child, uint32_t ms, double values[WORKER_VALUES_MAX]);

/** Ends a worker and waits for it. Returns whether it ended well. */
bool child_stop(struct child *child);

#endif
