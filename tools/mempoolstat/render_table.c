/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "cell.h"
#include "judge.h"
#include "message.h"
#include "output.h"
#include "render.h"
#include "table.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The first five are those of newtmgr's "mpstat". */
static const struct table_column pool_columns[] = {
    {"name", 32, false}, {"blksz", 5, false},  {"cnt", 4, false},   {"free", 4, false},
    {"min", 4, false},   {"USE%", 5, false},   {"get/s", 6, false}, {"put/s", 6, false},
    {"fail", 4, false},  {"cached", 6, false},
};

/* Only where there is something to see. */
static const struct table_column faults_column = {"faults", 6, false};
static const struct table_column debug_column = {"debug", 5, true};
static const struct table_column mark_column = {"", 0, true}; /* of a stale row */

/* The columns of one process. */
struct layout {
    struct table_column columns[COUNT_OF(pool_columns) + 3];
    size_t n_columns;
    bool faults, debug, stale;
};

static void
layout_fill(struct layout *layout, const struct process *process)
{
    *layout = (struct layout){.n_columns = COUNT_OF(pool_columns)};
    for (size_t i = 0; i < process->n_chosen; i++) {
        const struct pool *pool = process->rows[i];

        layout->faults = layout->faults || pool->faults > 0;
        layout->debug = layout->debug || pool->debug != NULL;
        layout->stale = layout->stale || (i < process->n_rows && pool->stale);
    }
    memcpy(layout->columns, pool_columns, sizeof(pool_columns));
    if (layout->faults) {
        layout->columns[layout->n_columns++] = faults_column;
    }
    if (layout->debug) {
        layout->columns[layout->n_columns++] = debug_column;
    }
    layout->columns[layout->n_columns++] = mark_column;
}

static void
table_add_pool(struct table *table, const struct layout *layout, const struct pool *pool)
{
    table_add(table, text_escape(pool->name));
    table_add(table, cell_count(pool->block_size));
    table_add(table, cell_count(pool->num_blocks));
    table_add(table, cell_count(pool->num_free));
    table_add(table, cell_count(pool->min_free));
    table_add(table, cell_use(pool));
    table_add(table, cell_rate(pool->get_rate));
    table_add(table, cell_rate(pool->put_rate));
    table_add(table, cell_count(pool->failed));
    table_add(table, cell_count(pool->num_cached));
    if (layout->faults) {
        table_add(table, cell_count(pool->faults));
    }
    if (layout->debug) {
        table_add(table, text_escape(pool->debug != NULL ? pool->debug : ""));
    }
    table_add(table, alloc_copy(pool->stale ? "*" : ""));
}

static enum table_style
row_style(const struct report *report, const struct pool *pool)
{
    switch (judge_pool(&report->limits, pool)) {
    case EXIT_CRITICAL:
        return TABLE_RED;
    case EXIT_WARNING:
        return TABLE_YELLOW;
    default:
        return TABLE_PLAIN;
    }
}

/* The sum of what is chosen, rows beyond the last one shown included. */
static void
table_add_total(struct table *table, const struct layout *layout, const struct pool *total,
                size_t n_pools)
{
    struct pool named = *total;
    char *name = alloc_format("total of %zu pool%s", n_pools, n_pools == 1 ? "" : "s");

    named.name = name;
    table_add_pool(table, layout, &named);
    table_style_row(table, TABLE_BOLD);
    free(name);
}

static void
render_process(FILE *out, const struct report *report, const struct process *process,
               struct layout *layout)
{
    struct pool total = pool_zero();
    struct table table;

    layout_fill(layout, process);
    table_init(&table, layout->columns, layout->n_columns);
    table.coloured = output_takes_colour();
    for (size_t i = 0; i < process->n_rows; i++) {
        table_add_pool(&table, layout, process->rows[i]);
        table_style_row(&table, row_style(report, process->rows[i]));
    }
    process_add_up(process, &total);
    if (report->repeats) {
        table_add_total(&table, layout, &total, process->n_chosen);
    }
    table_print(&table, out);
    table_free(&table);
}

/* One line below those of the processes. */
static void
render_sum(FILE *out, const struct report *report)
{
    struct layout layout = {.n_columns = COUNT_OF(pool_columns) + 1};
    struct pool total = pool_zero();
    struct table table;
    size_t n_pools = 0;

    for (size_t i = 0; i < report->n_shown; i++) {
        process_add_up(report->processes[i], &total);
        n_pools += report->processes[i]->n_chosen;
    }
    memcpy(layout.columns, pool_columns, sizeof(pool_columns));
    layout.columns[layout.n_columns - 1] = mark_column;
    fprintf(out, "\nall %zu processes\n", report->n_shown);
    table_init(&table, layout.columns, layout.n_columns);
    table.coloured = output_takes_colour();
    table_add_total(&table, &layout, &total, n_pools);
    table_print(&table, out);
    table_free(&table);
}

static void
print_heading(FILE *out, const struct process *process)
{
    char *program = text_escape(process->program != NULL ? process->program : "-");

    fprintf(out, "pid %" PRId64 " %s\n", process->pid, program);
    free(program);
}

void
render_heading(FILE *out, const struct report *report, size_t i)
{
    if (report->n_shown > 1) {
        fputs(i > 0 ? "\n" : "", out);
        print_heading(out, report->processes[i]);
    }
}

/* Stopped processes have their place, too: what they say is only not to be had now. */
static void
render_absents(FILE *out, const struct report *report)
{
    for (size_t i = 0; i < report->absent.n_stopped; i++) {
        const struct absent *absent = &report->absent.absents[i];
        char *program = text_escape(absent->program != NULL ? absent->program : "-");

        fprintf(out, "\npid %ld %s: %s\n", absent->pid, program, absent->state);
        free(program);
    }
}

void
render_table(FILE *out, const struct report *report)
{
    bool stale = false;

    if (report->n_shown == 1 && report->absent.n_stopped > 0) {
        print_heading(out, report->processes[0]);
    }
    for (size_t i = 0; i < report->n_shown; i++) {
        struct layout layout;

        render_heading(out, report, i);
        render_process(out, report, report->processes[i], &layout);
        stale = stale || layout.stale;
    }
    if (report->repeats && report->n_shown > 1) {
        render_sum(out, report);
    }
    render_absents(out, report);
    if (stale) {
        message_print("* the pool changed too fast to be read at one moment; its numbers may not "
                      "add up");
    }
}
