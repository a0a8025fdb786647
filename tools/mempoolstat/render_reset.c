/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "alloc.h"
#include "render.h"
#include "table.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct table_column reset_columns[] = {
    {"name", 32, false},
    {"min", 4, false},
};

void
render_reset(FILE *out, const struct report *report)
{
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct process *process = report->processes[i];
        struct table table;

        render_heading(out, report, i);
        table_init(&table, reset_columns, COUNT_OF(reset_columns));
        for (size_t j = 0; j < process->n_pools; j++) {
            table_add(&table, text_escape(process->pools[j].name));
            table_add(&table, alloc_format("%" PRId64, process->pools[j].min_free));
        }
        table_print(&table, out);
        table_free(&table);
    }
}
