/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "die.h"
#include "json.h"
#include "machine.h"
#include "osmempool.h"
#include "targets.h"

#define SCHEMA "osmempool-bench/1"

static const char *const role_names[] = {
    [ROLE_POOL] = "pool",   [ROLE_VARIANT] = "variant", [ROLE_DEBUG] = "debug",
    [ROLE_LIMIT] = "limit", [ROLE_LOCK] = "lock",       [ROLE_MALLOC] = "malloc",
    [ROLE_PEER] = "peer",   [ROLE_TOUCH] = "touch",     [ROLE_CLOCK] = "clock",
};

/* jansson returns NULL for want of memory only: all strings here are this program's own. */
static json_t *
json_sure(json_t *value)
{
    if (value == NULL) {
        die("no memory for the JSON document");
    }
    return value;
}

static json_t *
json_rounds(const struct score *score)
{
    json_t *rounds = json_sure(json_array());

    for (uint32_t i = 0; i < score->n_rounds; i++) {
        json_array_append_new(rounds, json_sure(json_real(score->rounds[i])));
    }
    return rounds;
}

static json_t *
json_percentiles(const double *values)
{
    json_t *percentiles = json_sure(json_object());

    for (uint32_t i = 0; i < WORKER_PERCENTILES; i++) {
        json_object_set_new(percentiles, worker_percentile_names[i],
                            json_sure(json_real(values[i])));
    }
    return percentiles;
}

static json_t *
json_score(const struct result *result, const struct contestant *who)
{
    const struct score *score = &result->scores[who - contestants];

    if (result->what->kind == CASE_LATENCY) {
        return json_sure(json_pack("{s:s, s:o, s:o}", "contestant", who->name, "get",
                                   json_percentiles(score->percentiles), "put",
                                   json_percentiles(score->percentiles + WORKER_PERCENTILES)));
    }
    return json_sure(json_pack("{s:s, s:f, s:f, s:b, s:i, s:o}", "contestant", who->name, "min",
                               score->min, "median", score->median, "busy", score->busy,
                               "n_counted", (int)score->n_counted, "rounds", json_rounds(score)));
}

static json_t *
json_result(const struct result *result)
{
    const struct bench_case *what = result->what;
    json_t *scores = json_sure(json_array());

    for (uint32_t i = 0; i < n_contestants; i++) {
        if (result->scores[i].there) {
            json_array_append_new(scores, json_score(result, &contestants[i]));
        }
    }
    return json_sure(json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:b, s:b, s:b, s:o}", "name", what->name,
        "group", what->group, "column", what->column, "unit", what->unit, "ratio_of",
        result_by_median(result) ? "median" : "min", "block_bytes", (int)what->block_bytes, "live",
        (int)what->live, "depth", (int)what->depth, "threads", (int)what->threads, "shared",
        what->shared, "shuffled", what->shuffled, "tight", what->tight, "results", scores));
}

static json_t *
json_contestant(const struct report *report, uint32_t index)
{
    const struct contestant *who = &contestants[index];
    const struct presence *presence = &report->presences[index];

    return json_sure(json_pack("{s:s, s:s, s:b, s:s}", "name", who->name, "role",
                               role_names[who->role], "here", presence->here, "malloc_from",
                               presence->provider));
}

static json_t *
json_target(const struct target *target, const struct report *report)
{
    struct target_outcome outcome = target_judge(target, report);

    return json_sure(json_pack(
        "{s:s, s:s, s:s, s:f, s:s?, s:f, s:f, s:f, s:f, s:b, s:b, s:s}", "work", target->work,
        "case", target->case_name, "contestant", target->who, "figure", outcome.figure, "against",
        outcome.rival_name, "against_figure", outcome.against, "ratio", outcome.ratio, "must",
        target->must, "goal", target->goal, "more_is_better", target->throughput, "busy",
        outcome.busy, "verdict", target_verdict_name(outcome.verdict)));
}

/* All rows, whatever was measured: those that need more say so. */
static json_t *
json_targets(const struct report *report)
{
    json_t *rows = json_sure(json_array());

    for (uint32_t i = 0; i < n_targets; i++) {
        if (target_applies(&targets[i], report->locking)) {
            json_array_append_new(rows, json_target(&targets[i], report));
        }
    }
    return rows;
}

static json_t *
json_report(const struct report *report)
{
    json_t *entrants = json_sure(json_array());
    json_t *cases = json_sure(json_array());
    char cpu[128];

    machine_cpu_name(cpu, sizeof(cpu));
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (report->presences[i].wanted) {
            json_array_append_new(entrants, json_contestant(report, i));
        }
    }
    for (uint32_t i = 0; i < report->n_results; i++) {
        json_array_append_new(cases, json_result(&report->results[i]));
    }
    return json_sure(json_pack("{s:s, s:s, s:s, s:I, s:s, s:i, s:i, s:i, s:o, s:o, s:o}", "schema",
                               SCHEMA, "version", osmempool_version(), "locking", report->locking,
                               "time", (json_int_t)time(NULL), "cpu", cpu, "cpus", machine_cpus(),
                               "n_rounds", (int)report->n_rounds, "round_ms", (int)report->round_ms,
                               "contestants", entrants, "cases", cases, "targets",
                               json_targets(report)));
}

bool
json_write(const struct report *report, const char *path)
{
    json_t *document = json_report(report);
    FILE *file = fopen(path, "we");
    bool good = false;

    if (file != NULL) {
        good = json_dumpf(document, file, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) == 0 &&
               fputc('\n', file) != EOF;
        good = fclose(file) == 0 && good;
    }
    if (!good) {
        fprintf(stderr, "%s: cannot write %s: %s\n", program_invocation_short_name, path,
                strerror(errno));
    }
    json_decref(document);
    return good;
}
