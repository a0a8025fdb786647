/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.h: what came out: for each case and contestant the figures of all rounds, and what is
 * derived from them.
 */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "cases.h"
#include "contestants.h"
#include "worker.h"

/** How one contestant did in one case. */
struct score {
    bool there;        /**< it took part and did not fail */
    bool failed;       /**< it took part and failed */
    double *rounds;    /**< n_calm calm ones, then the disturbed ones */
    uint32_t n_rounds; /**< all of them */
    uint32_t n_calm;
    uint32_t n_counted; /**< minimum and median are of so many, the calm ones or all */
    bool busy;          /**< calm rounds were to be had, but the machine was too busy */
    double min;
    double median;
    double percentiles[WORKER_VALUES_MAX]; /**< latencies: of gets, then of puts */
};

struct result {
    const struct bench_case *what;
    struct score scores[N_CONTESTANTS_MAX];
};

/** Whether a contestant can run on this machine. */
struct presence {
    bool here;
    bool wanted; /**< false: another locking option's */
    char provider[64];
};

struct report {
    const char *locking;
    uint32_t n_rounds;
    uint32_t round_ms;
    struct presence presences[N_CONTESTANTS_MAX];
    struct result *results;
    uint32_t n_results;
};

/**
 * Adds a round. In a calm one the threads had the CPUs to themselves; where they had not, two
 * threads may well have run one after the other, and what looks fast or slow is the scheduler.
 */
void score_add(struct score *score, double figure, bool calm);

/**
 * Works out minimum and median once all rounds are there: of the calm rounds, or, where these are
 * too few, as always with more threads than CPUs, of all.
 *
 * @param threads  Threads of the case.
 */
void score_finish(struct score *score, uint32_t threads);

/**
 * Whether a case is judged by medians. Where threads contend, the minimum is the round in which
 * they happened to run one after the other, and what one thread takes for the same is compared with
 * that; a reader disturbs or does not; elsewhere the minimum is the round with the least noise.
 */
bool result_by_median(const struct result *result);

/** The contestant of a role with the lowest figure, or NULL if none took part. */
const struct contestant *result_best(const struct result *result, enum contestant_role role);

/** The figure of a contestant that counts, minimum or median; who must have taken part. */
double result_figure(const struct result *result, const struct contestant *who);

/** The contestant, or NULL if it took no part. */
const struct contestant *result_if_there(const struct result *result, const struct contestant *who);

/** Whether a contestant took part in any of n results. */
bool result_any(const struct result *results, uint32_t n, const struct contestant *who);

/** Frees all that a report holds. */
void report_free(struct report *report);

#endif
