/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "cell.h"
#include "message.h"
#include "output.h"
#include "render.h"
#include "table.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct table_column difference_columns[] = {
    {"name", 32, false}, {"blksz", 5, false}, {"cnt", 4, false},   {"used", 4, false},
    {"+used", 5, false}, {"min", 4, false},   {"+min", 4, false},  {"get/s", 6, false},
    {"put/s", 6, false}, {"fail", 4, false},  {"+fail", 5, false}, {"", 0, true},
};

/* Two documents of a process, and what was what before. */
struct difference {
    struct process *process; /* now */
    struct pool **earlier;   /* of each of its pools, NULL for a new one */
    struct pool **gone;      /* pools that are no more */
    size_t n_gone;
    const struct choice *choice;
    double seconds; /* between the two; 0: not known, or not the same run */
};

static void
difference_match(struct pool *pool, struct pool *earlier, void *arg)
{
    struct difference *difference = arg;

    if (pool != NULL) {
        difference->earlier[pool->index] = earlier;
        pool_rate(pool, earlier, difference->seconds);
    } else if (choice_admits(difference->choice, earlier->name)) {
        difference->gone[difference->n_gone++] = earlier;
    }
}

static int
gone_compare(const void *left, const void *right)
{
    const struct pool *a = *(struct pool *const *)left, *b = *(struct pool *const *)right;

    return (a->index > b->index) - (a->index < b->index);
}

static void
difference_add_pool(struct table *table, const struct pool *pool, const struct pool *earlier)
{
    const struct pool *before = earlier != NULL ? earlier : pool;
    int64_t used = earlier != NULL ? pool_used(earlier) : 0;

    table_add(table, text_escape(pool->name));
    table_add(table, cell_count(pool->block_size));
    table_add(table, cell_count(pool->num_blocks));
    table_add(table, cell_count(pool_used(pool)));
    table_add(table, cell_change(pool_used(pool), used));
    table_add(table, cell_count(pool->min_free));
    table_add(table, cell_change(pool->min_free, before->min_free));
    table_add(table, cell_rate(pool->get_rate));
    table_add(table, cell_rate(pool->put_rate));
    table_add(table, cell_count(pool->failed));
    table_add(table, cell_change(pool->failed, earlier != NULL ? earlier->failed : 0));
    table_add(table, alloc_copy(earlier != NULL ? "" : "new"));
    table_style_row(table, pool_used(pool) > used ? TABLE_YELLOW : TABLE_PLAIN);
}

static void
difference_add_gone(struct table *table, const struct pool *earlier)
{
    table_add(table, text_escape(earlier->name));
    table_add(table, cell_count(earlier->block_size));
    table_add(table, cell_count(earlier->num_blocks));
    table_add(table, alloc_copy("-"));
    table_add(table, cell_change(0, pool_used(earlier)));
    for (size_t i = 0; i < 6; i++) {
        table_add(table, alloc_copy("-"));
    }
    table_add(table, alloc_copy("gone"));
}

static void
difference_print(FILE *out, const struct difference *difference)
{
    const struct process *process = difference->process;
    struct table table;

    table_init(&table, difference_columns, COUNT_OF(difference_columns));
    table.coloured = output_takes_colour();
    for (size_t i = 0; i < process->n_rows; i++) {
        const struct pool *pool = process->rows[i];

        difference_add_pool(&table, pool, difference->earlier[pool->index]);
    }
    for (size_t i = 0; i < difference->n_gone; i++) {
        difference_add_gone(&table, difference->gone[i]);
    }
    table_print(&table, out);
    table_free(&table);
}

/* Names the process, and says what lies between the two documents. */
static void
difference_print_heading(FILE *out, const struct process *process, const struct process *earlier,
                         double seconds)
{
    const struct process *named = process->origin != NULL ? process : earlier;
    char *program = text_escape(named->program != NULL ? named->program : "-");

    fprintf(out, "pid %" PRId64 " %s: ", named->pid, program);
    if (process->origin == NULL) {
        fputs("gone\n", out);
    } else if (earlier->origin == NULL) {
        fputs("new\n", out);
    } else if (!process_is_same(process, earlier)) {
        fprintf(out,
                "another run; before, it was pid %" PRId64 "; pools matched by name and order\n",
                earlier->pid);
    } else if (seconds <= 0) {
        fputs("the time between the two is not known\n", out);
    } else {
        fprintf(out, "%.1f s later\n", seconds);
    }
    free(program);
}

static double
difference_seconds(const struct process *process, const struct process *earlier)
{
    bool known = process->origin != NULL && earlier->origin != NULL &&
                 process_is_same(process, earlier) && process->time != MODEL_ABSENT &&
                 earlier->time != MODEL_ABSENT;
    double seconds = known ? (double)(process->time - earlier->time) / 1e6 : 0;

    if (seconds < 0) {
        message_print("process %" PRId64 ": the second document is older than the first: are the "
                      "files in the right order?",
                      process->pid);
    }
    return seconds;
}

bool
render_difference(FILE *out, struct process *process, struct process *earlier,
                  const struct choice *choice, bool apart)
{
    struct process none = {.kind = DOCUMENT_POOLS};
    struct difference difference = {.process = process != NULL ? process : &none, .choice = choice};
    bool any;

    earlier = earlier != NULL ? earlier : &none;
    process = difference.process;
    difference.seconds = difference_seconds(process, earlier);
    difference.earlier = alloc_array(NULL, process->n_pools, sizeof(struct pool *));
    difference.gone = alloc_array(NULL, earlier->n_pools, sizeof(struct pool *));
    process_match(process, earlier, difference_match, &difference);
    qsort(difference.gone, difference.n_gone, sizeof(struct pool *), gone_compare);
    process_select(process, choice);
    any = choice->n_globs == 0 || process->n_rows > 0 || difference.n_gone > 0;
    if (any) {
        fputs(apart ? "\n" : "", out);
        difference_print_heading(out, process, earlier, difference.seconds);
        difference_print(out, &difference);
    }
    free(difference.earlier);
    free(difference.gone);
    free(none.rows);
    return any;
}
