/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "die.h"
#include "machine.h"
#include "result.h"

/* With fewer, chance decides. */
#define CALM_ROUNDS_MIN 3

static int
compare_doubles(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;

    return (*a > *b) - (*a < *b);
}

void
score_add(struct score *score, double figure, bool calm)
{
    score->rounds[score->n_rounds++] = figure;
    if (calm) {
        score->rounds[score->n_rounds - 1] = score->rounds[score->n_calm];
        score->rounds[score->n_calm++] = figure;
    }
}

void
score_finish(struct score *score, uint32_t threads)
{
    bool calm = score->n_calm >= CALM_ROUNDS_MIN || score->n_calm == score->n_rounds;
    uint32_t n = calm ? score->n_calm : score->n_rounds;
    double *sorted;

    if (!score->there || n == 0) {
        score->there = false;
        return;
    }
    score->n_counted = n;
    score->busy = !calm && threads <= (uint32_t)machine_cpus();
    sorted = die_calloc(n, sizeof(*sorted));
    memcpy(sorted, score->rounds, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), compare_doubles);
    score->min = sorted[0];
    score->median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    free(sorted);
}

const struct contestant *
result_best(const struct result *result, enum contestant_role role)
{
    const struct contestant *best = NULL;

    for (uint32_t i = 0; i < n_contestants; i++) {
        if (contestants[i].role == role && result->scores[i].there &&
            (best == NULL ||
             result_figure(result, &contestants[i]) < result_figure(result, best))) {
            best = &contestants[i];
        }
    }
    return best;
}

bool
result_by_median(const struct result *result)
{
    const struct bench_case *what = result->what;

    return what->shared || what->kind == CASE_SNAPSHOT || what->kind == CASE_READER ||
           what->kind == CASE_SUCCESSION;
}

double
result_figure(const struct result *result, const struct contestant *who)
{
    const struct score *score = &result->scores[who - contestants];

    return result_by_median(result) ? score->median : score->min;
}

const struct contestant *
result_if_there(const struct result *result, const struct contestant *who)
{
    return result->scores[who - contestants].there ? who : NULL;
}

bool
result_any(const struct result *results, uint32_t n, const struct contestant *who)
{
    for (uint32_t i = 0; i < n; i++) {
        if (results[i].scores[who - contestants].there) {
            return true;
        }
    }
    return false;
}

void
report_free(struct report *report)
{
    for (uint32_t i = 0; i < report->n_results; i++) {
        for (uint32_t j = 0; j < n_contestants; j++) {
            free(report->results[i].scores[j].rounds);
        }
    }
    free(report->results);
}
