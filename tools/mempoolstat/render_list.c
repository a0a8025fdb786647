/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "alloc.h"
#include "render.h"
#include "table.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct table_column process_columns[] = {
    {"PID", 7, false},    {"USER", 8, true},    {"PROGRAM", 15, true}, {"POOLS", 5, false},
    {"UPTIME", 8, false}, {"LOCKING", 8, true}, {"VERSION", 7, true},  {"SOCKET", 0, true},
};

static char *
cell_text(const char *text)
{
    return text != NULL && text[0] != '\0' ? text_escape(text) : alloc_copy("-");
}

/* As ps(1) writes it: [[days-]hours:]minutes:seconds. */
static char *
cell_uptime(const struct process *process)
{
    int64_t seconds = (process->time - process->start_time) / 1000000;
    int days = (int)(seconds / 86400), hours = (int)(seconds / 3600 % 24);
    int minutes = (int)(seconds / 60 % 60), rest = (int)(seconds % 60);

    if (process->time == MODEL_ABSENT || process->start_time == MODEL_ABSENT || seconds < 0) {
        return alloc_copy("-");
    }
    if (days > 0) {
        return alloc_format("%d-%02d:%02d:%02d", days, hours, minutes, rest);
    }
    if (hours > 0) {
        return alloc_format("%02d:%02d:%02d", hours, minutes, rest);
    }
    return alloc_format("%02d:%02d", minutes, rest);
}

static void
table_add_process(struct table *table, const struct process *process)
{
    table_add(table, alloc_format("%" PRId64, process->pid));
    table_add(table, cell_text(process->user));
    table_add(table, cell_text(process->program));
    table_add(table, alloc_format("%zu", process->n_pools));
    table_add(table, cell_uptime(process));
    table_add(table, cell_text(process->locking));
    table_add(table, cell_text(process->version));
    table_add(table, cell_text(process->origin));
}

/* What the process itself would say is not known of it. */
static void
table_add_absent(struct table *table, const struct absent *absent)
{
    table_add(table, absent->pid > 0 ? alloc_format("%ld", absent->pid) : alloc_copy("-"));
    table_add(table, cell_text(absent->user));
    table_add(table, cell_text(absent->program));
    table_add(table, alloc_copy("-"));
    table_add(table, alloc_copy(absent->state));
    table_add(table, alloc_copy("-"));
    table_add(table, alloc_copy("-"));
    table_add(table, cell_text(absent->origin));
}

void
render_list(FILE *out, const struct report *report)
{
    struct table table;

    table_init(&table, process_columns, COUNT_OF(process_columns));
    for (size_t i = 0; i < report->n_shown; i++) {
        table_add_process(&table, report->processes[i]);
    }
    for (size_t i = 0; i < report->absent.n_absents; i++) {
        table_add_absent(&table, &report->absent.absents[i]);
    }
    table_print(&table, out);
    table_free(&table);
}
