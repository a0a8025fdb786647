/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "summary.h"

#define LABEL_WIDTH 12
#define RATIO_WIDTH 7
#define BEST_WIDTH  16
#define GLIBC_WIDTH 8 /* together at most 80 columns with three pools */

/* What a pool's time is divided by, and in how many cases it was not slower. */
struct rival {
    const char *title;
    const struct contestant *(*in)(const struct result *result);
    uint32_t n_cases[N_CONTESTANTS_MAX];
    uint32_t n_won[N_CONTESTANTS_MAX];
};

static const struct contestant *
best_malloc(const struct result *result)
{
    return result_best(result, ROLE_MALLOC);
}

static const struct contestant *
glibc_malloc(const struct result *result)
{
    return result_if_there(result, contestants_find("glibc"));
}

static bool
is_told(const struct result *result)
{
    return result->what->headline && result_best(result, ROLE_POOL) != NULL &&
           best_malloc(result) != NULL;
}

static bool
is_busy(const struct result *result)
{
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (result->scores[i].busy &&
            (contestants[i].role == ROLE_POOL || contestants[i].role == ROLE_MALLOC)) {
            return true;
        }
    }
    return false;
}

static void
print_heading(void)
{
    printf("\nIn short: a pool's time over that of the best malloc and of glibc's (below 1 the\n"
           "pool is faster), and these mallocs' own times in ns:\n%-*s",
           LABEL_WIDTH, "");
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (contestants[i].role == ROLE_POOL) {
            printf("%*s", 2 * RATIO_WIDTH, contestants[i].name);
        }
    }
    printf("\n%-*s", LABEL_WIDTH, "");
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (contestants[i].role == ROLE_POOL) {
            printf("%*s%*s", RATIO_WIDTH, "/best", RATIO_WIDTH, "/glibc");
        }
    }
    printf("%*s%*s\n", BEST_WIDTH, "best malloc", GLIBC_WIDTH, "glibc");
}

static void
print_ratio(struct rival *rival, const struct contestant *who, const struct result *result)
{
    const struct contestant *other = rival->in(result);
    char text[NUMBER_BYTES] = "-";

    if (other != NULL && result_if_there(result, who) != NULL) {
        double ratio = result_figure(result, who) / result_figure(result, other);

        snprintf(text, sizeof(text), "%.2fx", ratio);
        rival->n_cases[who - contestants]++;
        rival->n_won[who - contestants] += ratio <= 1;
    }
    printf("%*s", RATIO_WIDTH, text);
}

static void
print_mallocs(const struct result *result)
{
    const struct contestant *best = best_malloc(result);
    const struct contestant *glibc = glibc_malloc(result);
    char number[NUMBER_BYTES];
    char text[2 * NUMBER_BYTES];

    number_format(number, result_figure(result, best));
    snprintf(text, sizeof(text), "%s %s", number, best->name);
    printf("%*s", BEST_WIDTH, text);
    if (glibc != NULL) {
        number_format(number, result_figure(result, glibc));
    }
    printf("%*s\n", GLIBC_WIDTH, glibc != NULL ? number : "-");
}

static void
print_row(struct rival *rivals, uint32_t n_rivals, const struct result *result)
{
    printf("%s %-*s", is_busy(result) ? "~" : " ", LABEL_WIDTH - 2, result->what->column);
    for (uint32_t i = 0; i < n_contestants; i++) {
        for (uint32_t j = 0; j < n_rivals && contestants[i].role == ROLE_POOL; j++) {
            print_ratio(&rivals[j], &contestants[i], result);
        }
    }
    print_mallocs(result);
}

static void
print_tally(const struct rival *rival)
{
    const char *before = "";

    printf("Cases in which it is no slower than %s:", rival->title);
    for (uint32_t i = 0; i < n_contestants; i++) {
        if (rival->n_cases[i] != 0) {
            printf("%s %s %u of %u", before, contestants[i].name, rival->n_won[i],
                   rival->n_cases[i]);
            before = ",";
        }
    }
    printf("%s\n", *before != '\0' ? "" : " not measured");
}

void
summary_print(const struct report *report)
{
    struct rival rivals[] = {{.title = "the best malloc", .in = best_malloc},
                             {.title = "glibc's", .in = glibc_malloc}};
    const char *group = NULL;
    bool busy = false;

    for (uint32_t i = 0; i < report->n_results; i++) {
        const struct result *result = &report->results[i];

        if (!is_told(result)) {
            continue;
        }
        if (group == NULL) {
            print_heading();
        }
        if (group == NULL || strcmp(group, result->what->group) != 0) {
            group = result->what->group;
            printf("%s%s\n", group, result_by_median(result) ? "; medians" : "");
        }
        busy = busy || is_busy(result);
        print_row(rivals, sizeof(rivals) / sizeof(rivals[0]), result);
    }
    if (group != NULL) {
        print_tally(&rivals[0]);
        print_tally(&rivals[1]);
    }
    if (busy) {
        printf("~ measured while the machine was busy\n");
    }
}
