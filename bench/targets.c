/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "contestants.h"
#include "targets.h"

#define CELL_BYTES 48
#define WORK_WIDTH 45

/* A row about one case, compared within it. Further members follow as arguments. */
#define AGAINST_MALLOC  .rival = RIVAL_MALLOC
#define AGAINST(name)   .rival = RIVAL_NAMED, .rival_name = name
#define AGAINST_LOCK    .rival = RIVAL_LOCK
#define ITSELF_IN(name) .rival = RIVAL_ITSELF, .rival_name = name
#define ROW(text, case_of, contestant, ...)                                                        \
    {                                                                                              \
        .work = text, .case_name = case_of, .who = contestant, __VA_ARGS__                         \
    }
/* Three rows: 64 B with 1, 32 and 512 live. */
#define ROWS_64(text, contestant, must_1, must_32, must_512, goal_of, ...)                         \
    ROW(text ", 1 live", "one/64/1", contestant, .must = must_1, .goal = goal_of, __VA_ARGS__),    \
        ROW(text ", 32 live", "one/64/32", contestant, .must = must_32, .goal = goal_of,           \
            __VA_ARGS__),                                                                          \
        ROW(text ", 512 live", "one/64/512", contestant, .must = must_512, .goal = goal_of,        \
            __VA_ARGS__)
#define TAIL(text, case_of, value)                                                                 \
    ROW(text, case_of, "pool", .goal = 1, .percentile = 1 + (value), AGAINST_MALLOC),              \
        ROW(text, case_of, "cached", .goal = 1, .percentile = 1 + (value), AGAINST_MALLOC)
/* p99.9 and p99.99 are the third and fourth percentile of gets, then of puts. */
#define TAILS(text, case_of)                                                                       \
    TAIL(text ", get p99.9", case_of, 2), TAIL(text ", get p99.99", case_of, 3),                   \
        TAIL(text ", put p99.9", case_of, WORKER_PERCENTILES + 2),                                 \
        TAIL(text ", put p99.99", case_of, WORKER_PERCENTILES + 3)

const struct target targets[] = {
    ROWS_64("one thread, 64 B", "pool", 1.15, 1.20, 1.20, 0.95, AGAINST_MALLOC),
    ROWS_64("one thread, 64 B", "pool", 0.70, 0.70, 0.70, 0, AGAINST("glibc")),
    ROWS_64("one thread, 64 B", "pool", 2.3, 1.6, 1.7, 0, AGAINST("limit")),
    ROWS_64("one thread, 64 B", "inline", 0.95, 0.95, 0.95, 0.70, AGAINST_MALLOC),
    ROWS_64("one thread, 64 B", "inline", 0, 0, 0, 0.40, AGAINST("glibc")),
    ROW("one thread, 2048 B, 32 live", "one/2048/32", "pool", .must = 1.45, AGAINST("limit")),
    ROW("one thread, 2048 B, 512 live", "one/2048/512", "pool", .must = 1.3, AGAINST("limit")),
    ROW("one thread, 2048 B, 32 live", "one/2048/32", "cached", .must = 1.05, .goal = 0.95,
        AGAINST_MALLOC),
    ROW("2 threads on one pool, 64 B, 32 live", "shared/2", "cached", .must = 1.30, .goal = 0.95,
        AGAINST_MALLOC),
    ROW("2 threads over one, throughput", "shared/2", "cached", .must = 1.8, .throughput = true,
        ITSELF_IN("shared/1")),
    ROW("hand-over, 512 on the way, throughput", "handover/64/512", "cached", .must = 1.5,
        .goal = 4, .throughput = true, AGAINST_MALLOC),
    ROW("hand-over, 1024 on the way, throughput", "handover/64/1024", "cached", .must = 1.5,
        .goal = 4, .throughput = true, AGAINST_MALLOC),
    ROW("bulk of 32, per block, 32 live", "one/64/32", "bulk", .must = 0.75, AGAINST("limit")),
    ROW("bulk of 32, per block, 32 live", "one/64/32", "bulk", .goal = 1, AGAINST("dpdk")),
    ROW("2 threads share, no caches", "shared/2", "pool", .must = 1.6, .goal = 1.15, AGAINST_LOCK),
    ROW("2 threads share, no caches", "shared/2", "locked", .must = 1.6, .goal = 1.15,
        AGAINST_LOCK),
    ROW("never owned, a second thread sleeps", "shared/1", "locked", .must = 1.6, .goal = 1.15,
        AGAINST_LOCK),
    ROW("8 threads over 2, on 2 CPUs, throughput", "crowd/8", "pool", .must = 0.5,
        .throughput = true, .locking = "spinlock", ITSELF_IN("crowd/2")),
    ROW("a new owner's operations until 1.1 x", "succession/64", "pool", .must = 100000,
        .goal = 10000),
    ROW("the same", "succession/64", "inline", .must = 100000, .goal = 10000),
    ROW("2 threads on the last 64 blocks, depth 64", "last/64", "cached", .must = 1.5, .goal = 1.1,
        AGAINST("pool")),
    /* Linear: ten times the pools may miss the CPU's caches more often, but no more than that. */
    ROW("register, 10,000 pools over 1,000, a pool", "register/10000", "pool", .must = 2,
        ITSELF_IN("register/1000")),
    ROW("unregister, the same", "unregister/10000", "pool", .must = 2,
        ITSELF_IN("unregister/1000")),
    ROW("snapshot of 10,000 pools, ms", "snapshot/10000", "pool", .must = 20, .goal = 5),
    ROW("with a reader at 100 Hz, 100 pools", "reader/100/100", "pool", .must = 1.02),
    ROW("with a reader at 1 Hz, 10,000 pools", "reader/1/10000", "pool", .must = 1.02),
    ROW("init of 1,000,000 blocks, 64 B", "init/1000000", "pool", .must = 2, .goal = 1.2,
        AGAINST("limit")),
    TAILS("1 thread", "latency/1"),
    TAILS("4 threads on 2 CPUs", "latency/4"),
};
const uint32_t n_targets = sizeof(targets) / sizeof(targets[0]);

bool
target_applies(const struct target *target, const char *locking)
{
    return target->locking == NULL || strcmp(target->locking, locking) == 0;
}

static bool
target_needs(const struct target *target, const char *case_name)
{
    return strcmp(target->case_name, case_name) == 0 ||
           (target->rival == RIVAL_ITSELF && strcmp(target->rival_name, case_name) == 0);
}

bool
targets_need(const char *case_name, const char *locking)
{
    for (uint32_t i = 0; i < n_targets; i++) {
        if (target_applies(&targets[i], locking) && target_needs(&targets[i], case_name)) {
            return true;
        }
    }
    return false;
}

static const struct result *
result_of(const struct report *report, const char *case_name)
{
    for (uint32_t i = 0; i < report->n_results; i++) {
        if (strcmp(report->results[i].what->name, case_name) == 0) {
            return &report->results[i];
        }
    }
    return NULL;
}

/* NULL if it took no part, or is none of this build's contestants. */
static const struct contestant *
named_in(const struct result *result, const char *name)
{
    const struct contestant *who = contestants_find(name);

    return who == NULL ? NULL : result_if_there(result, who);
}

static double
figure_of(const struct target *target, const struct result *result, const struct contestant *who)
{
    if (target->percentile != 0) {
        return result->scores[who - contestants].percentiles[target->percentile - 1];
    }
    return result_figure(result, who);
}

/* The best malloc of a latency is that with the lowest value of the percentile. */
static const struct contestant *
best_malloc(const struct target *target, const struct result *result)
{
    const struct contestant *best = NULL;

    for (uint32_t i = 0; i < n_contestants; i++) {
        if (contestants[i].role == ROLE_MALLOC && result->scores[i].there &&
            (best == NULL ||
             figure_of(target, result, &contestants[i]) < figure_of(target, result, best))) {
            best = &contestants[i];
        }
    }
    return best;
}

static const struct contestant *
rival_of(const struct target *target, const struct result *result, const struct contestant *who)
{
    switch (target->rival) {
    case RIVAL_NONE:
        break;
    case RIVAL_NAMED:
        return named_in(result, target->rival_name);
    case RIVAL_MALLOC:
        return best_malloc(target, result);
    case RIVAL_LOCK:
        return result_best(result, ROLE_LOCK);
    case RIVAL_ITSELF:
        return result_if_there(result, who);
    }
    return NULL;
}

static bool
bound_holds(const struct target *target, double ratio, double bound)
{
    return bound == 0 || (target->throughput ? ratio >= bound : ratio <= bound);
}

static void
outcome_judge(struct target_outcome *outcome, const struct target *target)
{
    bool must = bound_holds(target, outcome->ratio, target->must);
    bool goal = target->goal != 0 && bound_holds(target, outcome->ratio, target->goal);

    outcome->verdict = !must ? TARGET_MISSED : goal ? TARGET_GOAL : TARGET_MET;
    if (!must) {
        outcome->missed_by = target->throughput ? 1 - outcome->ratio / target->must
                                                : outcome->ratio / target->must - 1;
    }
}

struct target_outcome
target_judge(const struct target *target, const struct report *report)
{
    const struct result *result = result_of(report, target->case_name);
    const struct result *other =
        target->rival == RIVAL_ITSELF ? result_of(report, target->rival_name) : result;
    struct target_outcome outcome = {.verdict = TARGET_UNKNOWN};
    const struct contestant *who;
    const struct contestant *rival = NULL;

    if (result == NULL || other == NULL || (who = named_in(result, target->who)) == NULL) {
        return outcome;
    }
    outcome.figure = figure_of(target, result, who);
    outcome.ratio = outcome.figure;
    outcome.busy = result->scores[who - contestants].busy;
    if (target->rival != RIVAL_NONE) {
        if ((rival = rival_of(target, other, who)) == NULL) {
            return outcome;
        }
        outcome.against = figure_of(target, other, rival);
        outcome.rival_name = target->rival == RIVAL_ITSELF ? target->rival_name : rival->name;
        outcome.busy = outcome.busy || other->scores[rival - contestants].busy;
        outcome.ratio = target->throughput ? outcome.against / outcome.figure
                                           : outcome.figure / outcome.against;
    }
    outcome_judge(&outcome, target);
    return outcome;
}

const char *
target_verdict_name(enum target_verdict verdict)
{
    static const char *const names[] = {[TARGET_UNKNOWN] = "not measured",
                                        [TARGET_MISSED] = "missed",
                                        [TARGET_MET] = "must met",
                                        [TARGET_GOAL] = "goal met"};

    return names[verdict];
}

static void
format_figure(char text[CELL_BYTES], double value)
{
    snprintf(text, CELL_BYTES, "%.*f", value < 99.95 ? 2 : 0, value);
}

static void
format_bound(char text[CELL_BYTES], const struct target *target, double bound)
{
    if (bound == 0) {
        snprintf(text, CELL_BYTES, "-");
    } else {
        snprintf(text, CELL_BYTES, "%s%.*f", target->throughput ? ">=" : "<=", bound < 100 ? 2 : 0,
                 bound);
    }
}

static void
format_verdict(char text[CELL_BYTES], const struct target *target,
               const struct target_outcome *outcome)
{
    const char *busy = outcome->busy ? " ~" : "";

    if (outcome->verdict == TARGET_MISSED) {
        snprintf(text, CELL_BYTES, "missed by %.0f %%%s", 100 * outcome->missed_by, busy);
    } else if (outcome->verdict == TARGET_MET && target->must == 0) {
        snprintf(text, CELL_BYTES, "goal not met%s", busy);
    } else {
        snprintf(text, CELL_BYTES, "%s%s", target_verdict_name(outcome->verdict), busy);
    }
}

static void
print_row(const struct target *target, const struct target_outcome *outcome)
{
    char figure[CELL_BYTES] = "-";
    char against[CELL_BYTES] = "-";
    char ratio[CELL_BYTES] = "-";
    char must[CELL_BYTES];
    char goal[CELL_BYTES];
    char verdict[CELL_BYTES];

    if (outcome->figure != 0) {
        format_figure(figure, outcome->figure);
    }
    if (outcome->rival_name != NULL) {
        snprintf(against, sizeof(against), "%s %.*f", outcome->rival_name,
                 outcome->against < 99.95 ? 2 : 0, outcome->against);
    }
    if (outcome->rival_name != NULL) {
        format_figure(ratio, outcome->ratio);
    }
    format_bound(must, target, target->must);
    format_bound(goal, target, target->goal);
    format_verdict(verdict, target, outcome);
    printf("%-*s%-8s%9s  %-22s%7s%10s%9s  %s\n", WORK_WIDTH, target->work, target->who, figure,
           against, ratio, must, goal, verdict);
}

void
targets_print(const struct report *report)
{
    uint32_t counts[TARGET_GOAL + 1] = {0};
    uint32_t n_goals = 0;

    printf("\n%-*s%-8s%9s  %-22s%7s%10s%9s\n", WORK_WIDTH, "work", "who", "figure", "against",
           "ratio", "must", "goal");
    for (uint32_t i = 0; i < n_targets; i++) {
        struct target_outcome outcome = target_judge(&targets[i], report);

        if (!target_applies(&targets[i], report->locking)) {
            continue;
        }
        print_row(&targets[i], &outcome);
        counts[outcome.verdict]++;
        n_goals += targets[i].goal != 0;
    }
    printf("\n%u of %u goals met; of all rows %u missed what must be, %u were not measured.\n",
           counts[TARGET_GOAL], n_goals, counts[TARGET_MISSED], counts[TARGET_UNKNOWN]);
}
