/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets.h: how fast this library must be and wants to be, and whether it is.
 *
 * Each row compares one figure with another of the same run, or with a number.
 */
#ifndef BENCH_TARGETS_H
#define BENCH_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"

/** What a figure is compared with. */
enum target_rival {
    RIVAL_NONE,   /**< nothing: the figure is the ratio */
    RIVAL_NAMED,  /**< a contestant */
    RIVAL_MALLOC, /**< the best malloc */
    RIVAL_LOCK,   /**< the bare list in the lock that the library was built with */
    RIVAL_ITSELF, /**< the same contestant in another case */
};

/** One row. Must and goal bound the ratio; 0 for no bound. */
struct target {
    const char *work;
    const char *case_name;
    const char *who;
    enum target_rival rival;
    const char *rival_name; /**< contestant of RIVAL_NAMED, case of RIVAL_ITSELF */
    const char *locking;    /**< only for a library built with this -Dlocking; NULL for any */
    double must;
    double goal;
    uint8_t percentile; /**< latencies: 1 + index of the value; 0 otherwise */
    bool throughput;    /**< the ratio is that of throughputs: more is better */
};

extern const struct target targets[];
extern const uint32_t n_targets;

enum target_verdict {
    TARGET_UNKNOWN, /**< a figure is missing */
    TARGET_MISSED,
    TARGET_MET,  /**< must is; there is no goal, or it is not reached */
    TARGET_GOAL, /**< both are */
};

/** How a row came out. */
struct target_outcome {
    enum target_verdict verdict;
    double figure;
    double against;         /**< 0 for RIVAL_NONE */
    const char *rival_name; /**< contestant or case of that figure; NULL for RIVAL_NONE */
    double ratio;
    double missed_by; /**< share of the bound of must; only if missed */
    bool busy;        /**< one of the figures is of a busy machine */
};

/** Whether a row for a library built with this -Dlocking needs the case of that name. */
bool targets_need(const char *case_name, const char *locking);

/** Whether a row is for a library built with this -Dlocking. */
bool target_applies(const struct target *target, const char *locking);

/** Works a row out. */
struct target_outcome target_judge(const struct target *target, const struct report *report);

/** How the verdict is called in table and JSON. */
const char *target_verdict_name(enum target_verdict verdict);

/** Prints all rows as one table on standard output. */
void targets_print(const struct report *report);

#endif
