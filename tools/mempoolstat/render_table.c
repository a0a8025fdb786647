/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "alloc.h"
#include "message.h"
#include "render.h"
#include "table.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The first five are those of newtmgr's "mpstat". */
static const struct table_column pool_columns[] = {
    {"name", 32, false}, {"blksz", 5, false},  {"cnt", 4, false},   {"free", 4, false},
    {"min", 4, false},   {"USE%", 5, false},   {"get/s", 6, false}, {"put/s", 6, false},
    {"fail", 4, false},  {"cached", 6, false}, {"", 0, true}, /* the mark of a stale row */
};

static char *
cell_count(int64_t count)
{
    return count == MODEL_ABSENT ? alloc_copy("-") : alloc_format("%" PRId64, count);
}

/* Rounded down, so that 100.0 is a pool without a free block. */
static char *
cell_use(const struct pool *pool)
{
    int64_t permille;

    if (pool->num_blocks == 0) {
        return alloc_copy("-");
    }
    permille = pool_used(pool) * 1000 / pool->num_blocks;
    return alloc_format("%" PRId64 ".%" PRId64, permille / 10, permille % 10);
}

static char *
cell_rate(double rate)
{
    return rate < 0 ? alloc_copy("-") : alloc_format(rate < 100 ? "%.1f" : "%.0f", rate);
}

static void
table_add_pool(struct table *table, const struct pool *pool)
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
    table_add(table, alloc_copy(pool->stale ? "*" : ""));
}

/* Returns whether a row is stale. */
static bool
render_process(FILE *out, const struct process *process)
{
    struct table table;
    bool stale = false;

    table_init(&table, pool_columns, COUNT_OF(pool_columns));
    for (size_t i = 0; i < process->n_rows; i++) {
        table_add_pool(&table, process->rows[i]);
        stale = stale || process->rows[i]->stale;
    }
    table_print(&table, out);
    table_free(&table);
    return stale;
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
        render_heading(out, report, i);
        stale = render_process(out, report->processes[i]) || stale;
    }
    render_absents(out, report);
    if (stale) {
        message_print("* the pool changed too fast to be read at one moment; its numbers may not "
                      "add up");
    }
}
