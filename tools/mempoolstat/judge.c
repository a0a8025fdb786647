/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <inttypes.h>

#include "check.h"
#include "message.h"

struct limits
judge_limits(const struct limits *limits)
{
    /* The least part of a percent: only a pool without any free block is below it. */
    static const struct limits by_default = {10, 1e-9};

    return limits->warn_free > 0 || limits->crit_free > 0 ? *limits : by_default;
}

static bool
pool_is_below(const struct pool *pool, double percent)
{
    return (double)pool->num_free * 100 < percent * (double)pool->num_blocks;
}

int
judge_pool(const struct limits *limits, const struct pool *pool)
{
    if (pool_is_below(pool, limits->crit_free)) {
        return EXIT_CRITICAL;
    }
    return pool_is_below(pool, limits->warn_free) ? EXIT_WARNING : EXIT_FINE;
}

static int
judge_row(const struct limits *limits, const struct process *process, const struct pool *pool)
{
    int status = judge_pool(limits, pool);
    double limit = status == EXIT_CRITICAL ? limits->crit_free : limits->warn_free;

    if (status != EXIT_FINE) {
        message_print("%s: pool '%s' of process %" PRId64 " (%s) has %" PRId64 " of %" PRId64
                      " blocks free: less than %g %%",
                      status == EXIT_CRITICAL ? "critical" : "warning", pool->name, process->pid,
                      process->program != NULL ? process->program : "-", pool->num_free,
                      pool->num_blocks, limit);
    }
    return status;
}

/* A pool that could not be looked at may be damaged: a warning. */
static int
judge_check(const struct check *check)
{
    static const int statuses[] = {
        [CHECK_SANE] = EXIT_FINE,
        [CHECK_DAMAGED] = EXIT_CRITICAL,
        [CHECK_BUSY] = EXIT_WARNING,
    };

    return statuses[check->result];
}

int
judge_worse(int status, int other)
{
    static const int ranks[] = {
        [EXIT_FINE] = 0,
        [EXIT_WARNING] = 1,
        [EXIT_NOTHING] = 2,
        [EXIT_CRITICAL] = 3,
    };

    return ranks[other] > ranks[status] ? other : status;
}

int
judge_report(const struct limits *limits, const struct report *report)
{
    int status = EXIT_FINE;

    for (size_t i = 0; i < report->n_shown; i++) {
        const struct process *process = report->processes[i];

        for (size_t j = 0; process->kind == DOCUMENT_POOLS && j < process->n_chosen; j++) {
            status = judge_worse(status, judge_row(limits, process, process->rows[j]));
        }
        for (size_t j = 0; j < process->n_checks; j++) {
            status = judge_worse(status, judge_check(&process->checks[j]));
        }
    }
    return status;
}
