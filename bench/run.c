/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "die.h"
#include "run.h"
#include "targets.h"

/* Before that, progress is more noise than news. */
#define PROGRESS_AFTER_NS (2000 * CLOCK_NS_PER_MS)

/* A round whose threads waited longer for a CPU tells more of the machine's other users. */
#define CALM_WAITED_MAX 0.05

/* So many processes of a contestant take the rounds of a case, one after the other. */
#define PROCESSES 4

static bool
provider_fits(const struct contestant *who, const char *provider)
{
    return who->provider == NULL || strncmp(provider, who->provider, strlen(who->provider)) == 0;
}

void
run_probe(struct report *report)
{
    bool any_here = false;

    for (uint32_t i = 0; i < n_contestants; i++) {
        const struct contestant *who = &contestants[i];
        struct presence *presence = &report->presences[i];
        struct child child;
        bool ready;

        presence->wanted = who->locking == NULL || strcmp(who->locking, report->locking) == 0;
        ready =
            child_start(&child, who, WORKER_PROBE, presence->provider, sizeof(presence->provider));
        presence->here = child_stop(&child) && ready && provider_fits(who, presence->provider);
        any_here = any_here || presence->here;
    }
    if (!any_here) {
        die("no worker process starts; they are run from /proc/self/exe: is /proc mounted?");
    }
}

static void
progress_show(const struct result *result, uint32_t done, uint32_t n, uint64_t begin_ns)
{
    if (isatty(STDERR_FILENO) && clock_now_ns() - begin_ns > PROGRESS_AFTER_NS) {
        fprintf(stderr, "\r\033[K%u of %u: %s", done + 1, n, result->what->name);
    }
}

static void
progress_clear(uint64_t begin_ns)
{
    if (isatty(STDERR_FILENO) && clock_now_ns() - begin_ns > PROGRESS_AFTER_NS) {
        fprintf(stderr, "\r\033[K");
    }
}

static void
score_fail(const struct result *result, struct score *score, const struct contestant *who)
{
    score->there = false;
    score->failed = true;
    fprintf(stderr, "%s: %s failed in case %s; it is left out there\n",
            program_invocation_short_name, who->name, result->what->name);
}

static void
score_round(const struct result *result, struct score *score, const struct contestant *who,
            struct child *child, uint32_t ms)
{
    double values[WORKER_VALUES_MAX];
    uint32_t n = child_round(child, ms, values);

    if (n == 0) {
        score_fail(result, score, who);
        return;
    }
    score_add(score, values[0], n != 2 || values[1] <= CALM_WAITED_MAX);
    if (n == WORKER_VALUES_MAX) {
        memcpy(score->percentiles, values, sizeof(values));
    }
}

/* Who takes part in a case. */
static void
case_enlist(struct result *result, const struct report *report)
{
    for (uint32_t i = 0; i < n_contestants; i++) {
        struct score *score = &result->scores[i];

        if (report->presences[i].here && report->presences[i].wanted &&
            contestants_can(&contestants[i], result->what)) {
            score->there = true;
            score->rounds = die_calloc(report->n_rounds, sizeof(*score->rounds));
        }
    }
}

static void
case_start(struct result *result, struct child *children)
{
    char provider[sizeof(((struct presence *)0)->provider)];

    for (uint32_t i = 0; i < n_contestants; i++) {
        const struct contestant *who = &contestants[i];
        struct score *score = &result->scores[i];

        if (score->there &&
            (!child_start(&children[i], who, result->what->name, provider, sizeof(provider)) ||
             !provider_fits(who, provider))) {
            score_fail(result, score, who);
        }
    }
}

static void
case_stop(struct result *result, struct child *children)
{
    for (uint32_t i = 0; i < n_contestants; i++) {
        struct score *score = &result->scores[i];

        if (children[i].pid != 0 && !child_stop(&children[i]) && score->there) {
            score_fail(result, score, &contestants[i]);
        }
        children[i] = (struct child){0};
    }
}

static void
case_round(struct result *result, const struct report *report, struct child *children)
{
    for (uint32_t i = 0; i < n_contestants; i++) {
        struct score *score = &result->scores[i];

        if (score->there) {
            score_round(result, score, &contestants[i], &children[i], report->round_ms);
        }
    }
}

static uint32_t
rounds_of(const struct result *result, const struct report *report)
{
    uint32_t max = result->what->rounds_max;

    return max != 0 && max < report->n_rounds ? max : report->n_rounds;
}

/*
 * Where a process has its memory is luck that lasts for its life, and may cost a third. A latency's
 * percentiles are those of one process.
 */
static uint32_t
processes_of(const struct result *result)
{
    enum case_kind kind = result->what->kind;

    return kind == CASE_PAIRS || kind == CASE_HANDOVER ? PROCESSES : 1;
}

/* All contestants of a case live at the same time; one works while the others wait. */
static bool
case_run(struct result *result, const struct report *report)
{
    struct child children[N_CONTESTANTS_MAX] = {0};
    uint32_t n_rounds = rounds_of(result, report);
    uint32_t n_each = (n_rounds + processes_of(result) - 1) / processes_of(result);
    bool good = true;

    case_enlist(result, report);
    for (uint32_t round = 0; round < n_rounds; round++) {
        if (round % n_each == 0) {
            case_stop(result, children);
            case_start(result, children);
        }
        case_round(result, report, children);
    }
    case_stop(result, children);
    for (uint32_t i = 0; i < n_contestants; i++) {
        score_finish(&result->scores[i], result->what->threads);
        good = good && !result->scores[i].failed;
    }
    return good;
}

bool
run_all(struct report *report, const struct options *options)
{
    uint64_t begin_ns = clock_now_ns();
    bool good = true;

    report->results = die_calloc(n_bench_cases, sizeof(*report->results));
    for (uint32_t i = 0; i < n_bench_cases; i++) {
        const struct bench_case *what = &bench_cases[i];

        if (options_want(options, what->name, what->threads, what->quick) &&
            (!options->targets || targets_need(what->name, report->locking))) {
            report->results[report->n_results++].what = what;
        }
    }
    for (uint32_t i = 0; i < report->n_results; i++) {
        progress_show(&report->results[i], i, report->n_results, begin_ns);
        good = case_run(&report->results[i], report) && good;
    }
    progress_clear(begin_ns);
    return good;
}
