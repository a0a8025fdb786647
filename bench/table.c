/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "number.h"
#include "osmempool.h"
#include "summary.h"
#include "table.h"

#define LABEL_WIDTH 20
#define CELL_WIDTH  15
#define COLUMNS_MAX 4 /* keeps the widest table within 80 columns */

enum colour { PLAIN, GOOD, BAD };

static bool
colours_wanted(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

/* Pads before it colours, so that columns line up. */
static void
print_cell(const char *text, enum colour colour)
{
    static const char *const codes[] = {[PLAIN] = "", [GOOD] = "\033[32m", [BAD] = "\033[31m"};

    if (colour != PLAIN && colours_wanted()) {
        printf("%*s%s%s\033[0m", CELL_WIDTH - (int)strlen(text), "", codes[colour], text);
    } else {
        printf("%*s", CELL_WIDTH, text);
    }
}

static void
print_score(const struct score *score)
{
    char min[NUMBER_BYTES];
    char median[NUMBER_BYTES];
    char cell[2 * NUMBER_BYTES + 8];

    if (!score->there) {
        print_cell(score->failed ? "failed" : "-", score->failed ? BAD : PLAIN);
        return;
    }
    number_format(min, score->min);
    number_format(median, score->median);
    snprintf(cell, sizeof(cell), "%s%s %*s%s)", score->busy ? "~" : "", min,
             7 - (int)strlen(median), "(", median);
    print_cell(cell, PLAIN);
}

static bool
any_failed(const struct result *results, uint32_t n, uint32_t index)
{
    for (uint32_t i = 0; i < n; i++) {
        if (results[i].scores[index].failed) {
            return true;
        }
    }
    return false;
}

static void
print_scores(const struct result *results, uint32_t n)
{
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (!result_any(results, n, &contestants[i]) && !any_failed(results, n, i)) {
            continue;
        }
        printf("%-*s", LABEL_WIDTH, contestants[i].name);
        for (uint32_t j = 0; j < n; j++) {
            print_score(&results[j].scores[i]);
        }
        printf("\n");
    }
}

/* What a pool's time is divided by: one contestant, or the best of a role. */
struct baseline {
    const char *label;
    const char *name; /* NULL: the best of the role */
    enum contestant_role role;
};

static const struct baseline baselines[] = {
    {"best malloc", NULL, ROLE_MALLOC}, {"glibc", "glibc", ROLE_MALLOC},
    {"limit", NULL, ROLE_LIMIT},        {"locked list", NULL, ROLE_LOCK},
    {"stock", "pool", ROLE_POOL},
};

/* The pool under a debug word is compared with the pool alone, and nobody else is. */
static bool
baseline_is_for(const struct baseline *base, const struct contestant *who)
{
    return (who->role == ROLE_DEBUG) == (base->role == ROLE_POOL);
}

static const struct contestant *
baseline_in(const struct baseline *base, const struct result *result)
{
    if (base->name != NULL) {
        return result_if_there(result, contestants_find(base->name));
    }
    return result_best(result, base->role);
}

static bool
baseline_any(const struct baseline *base, const struct result *results, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (baseline_in(base, &results[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void
print_ratio(const struct baseline *base, const struct contestant *pool, const struct result *result)
{
    const struct contestant *other = baseline_in(base, result);
    char text[NUMBER_BYTES] = "-";

    if (other != NULL && result_if_there(result, pool) != NULL) {
        snprintf(text, sizeof(text), "%.2fx",
                 result_figure(result, pool) / result_figure(result, other));
    }
    print_cell(text, PLAIN);
}

static void
print_ratios(const struct contestant *pool, const struct result *results, uint32_t n)
{
    for (uint32_t i = 0; i < sizeof(baselines) / sizeof(baselines[0]); i++) {
        char label[64];

        if (!baseline_is_for(&baselines[i], pool) || !baseline_any(&baselines[i], results, n)) {
            continue;
        }
        snprintf(label, sizeof(label), "%s / %s", pool->name, baselines[i].label);
        printf("%-*s", LABEL_WIDTH, label);
        for (uint32_t j = 0; j < n; j++) {
            print_ratio(&baselines[i], pool, &results[j]);
        }
        printf("\n");
    }
}

/* Who is faster, this library's best or the best malloc; by how much. */
struct verdict {
    const struct contestant *pool;
    const struct contestant *rival;
    bool pool_wins;
    double factor;
};

/* False if one of them did not take part. */
static bool
verdict_reach(struct verdict *verdict, const struct result *result)
{
    double ratio;

    verdict->pool = result_best(result, ROLE_POOL);
    verdict->rival = result_best(result, ROLE_MALLOC);
    if (verdict->pool == NULL || verdict->rival == NULL) {
        return false;
    }
    ratio = result_figure(result, verdict->rival) / result_figure(result, verdict->pool);
    verdict->pool_wins = ratio >= 1;
    verdict->factor = verdict->pool_wins ? ratio : 1 / ratio;
    return true;
}

static void
print_verdict(const struct result *result)
{
    struct verdict verdict;
    char factor[NUMBER_BYTES];
    char text[64] = "-";

    if (!verdict_reach(&verdict, result)) {
        print_cell(text, PLAIN);
        return;
    }
    number_format(factor, verdict.factor);
    snprintf(text, sizeof(text), "%s %sx",
             verdict.pool_wins ? verdict.pool->name : verdict.rival->name, factor);
    print_cell(text, verdict.pool_wins ? GOOD : BAD);
}

static void
print_verdicts(const struct result *results, uint32_t n)
{
    if (!baseline_any(&baselines[0], results, n)) {
        return;
    }
    printf("%-*s", LABEL_WIDTH, "wins, by");
    for (uint32_t i = 0; i < n; i++) {
        print_verdict(&results[i]);
    }
    printf("\n");
}

static const char *
group_note(const struct result *results, uint32_t n)
{
    return result_by_median(&results[n - 1]) ? "; medians compared" : "";
}

/* Up to COLUMNS_MAX cases of one group, side by side. */
static void
print_group(const struct result *results, uint32_t n)
{
    printf("\n%s: %s%s\n%-*s", results[0].what->group, results[0].what->unit,
           group_note(results, n), LABEL_WIDTH, "");
    for (uint32_t i = 0; i < n; i++) {
        print_cell(results[i].what->column, PLAIN);
    }
    printf("\n");
    print_scores(results, n);
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (contestants[i].role <= ROLE_DEBUG && result_any(results, n, &contestants[i])) {
            print_ratios(&contestants[i], results, n);
        }
    }
    print_verdicts(results, n);
}

/* One half of a latency: first is 0 for the gets, WORKER_PERCENTILES for the puts. */
static void
print_percentiles(const struct result *result, const char *call, uint32_t first)
{
    printf("%-*s", LABEL_WIDTH, call);
    for (uint32_t i = 0; i < WORKER_PERCENTILES; i++) {
        printf("%11s", worker_percentile_names[i]);
    }
    printf("\n");
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (!result->scores[i].there) {
            continue;
        }
        printf("  %-*s", LABEL_WIDTH - 2, contestants[i].name);
        for (uint32_t j = 0; j < WORKER_PERCENTILES; j++) {
            printf("%11.0f", result->scores[i].percentiles[first + j]);
        }
        printf("\n");
    }
}

static void
print_latency(const struct result *result)
{
    printf("\n%s: %s, the clock's own share included\n", result->what->group, result->what->unit);
    print_percentiles(result, "get", 0);
    print_percentiles(result, "put", WORKER_PERCENTILES);
}

/* Says what the machine's other users did to the figures. */
static void
print_disturbed(const struct report *report)
{
    uint32_t n_rounds = 0;
    uint32_t n_counted = 0;
    uint32_t n_busy = 0;

    for (uint32_t i = 0; i < report->n_results; i++) {
        for (uint32_t j = 0; j < n_contestants; j++) {
            n_rounds += report->results[i].scores[j].n_rounds;
            n_counted += report->results[i].scores[j].n_counted;
            n_busy += report->results[i].scores[j].busy;
        }
    }
    if (n_counted < n_rounds) {
        printf("\n%u of %u rounds are left out: their threads had to wait for a CPU.\n",
               n_rounds - n_counted, n_rounds);
    }
    if (n_busy != 0) {
        printf(
            "\n~ %u figures are of rounds whose threads had to wait for a CPU, as there were too\n"
            "  few others. Measure these again when the machine has less to do.\n",
            n_busy);
    }
}

/* How many of n results, from the first on, fit side by side into one table. */
static uint32_t
group_length(const struct result *results, uint32_t n)
{
    uint32_t length = 1;

    while (length < n && length < COLUMNS_MAX &&
           strcmp(results[length].what->group, results[0].what->group) == 0) {
        length++;
    }
    return length;
}

void
table_print(const struct report *report)
{
    uint32_t length;

    for (uint32_t i = 0; i < report->n_results; i += length) {
        const struct result *results = &report->results[i];

        length = group_length(results, report->n_results - i);
        if (results[0].what->kind == CASE_LATENCY) {
            length = 1;
            print_latency(results);
        } else {
            print_group(results, length);
        }
    }
    print_disturbed(report);
    summary_print(report);
}

static void
print_missing(const struct report *report)
{
    for (uint32_t i = 0; i < n_contestants; i++) {
        const struct contestant *who = &contestants[i];

        if (report->presences[i].here || !report->presences[i].wanted) {
            continue;
        }
        if (who->preload != NULL) {
            printf("Left out: %s, as %s cannot be loaded here (Debian package %s)\n", who->name,
                   who->preload, who->package);
        } else {
            printf("Left out: %s, as malloc comes from %s here\n", who->name,
                   report->presences[i].provider);
        }
    }
}

void
table_head(const struct report *report)
{
    char cpu[128];

    machine_cpu_name(cpu, sizeof(cpu));
    printf("libosmempool %s, locking=%s, on %d CPUs (%s)\n", osmempool_version(), report->locking,
           machine_cpus(), cpu);
    printf("Minimum of %u rounds of %u ms, in parentheses the median; ratios are of minima\n"
           "unless said otherwise.\n",
           report->n_rounds, report->round_ms);
    print_missing(report);
}

void
table_list(const struct report *report)
{
    printf("Cases (* with --quick):\n");
    for (uint32_t i = 0; i < n_bench_cases; i++) {
        const struct bench_case *what = &bench_cases[i];

        printf("%c %-18s %s, %s: %s\n", what->quick ? '*' : ' ', what->name, what->group,
               what->column, what->unit);
    }
    printf("\nContestants:\n");
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (report->presences[i].wanted) {
            printf("  %-18s %s%s\n", contestants[i].name, contestants[i].help,
                   report->presences[i].here ? "" : " (cannot run here)");
        }
    }
}
