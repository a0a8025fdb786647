/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "render.h"
#include "text.h"

#define MYNEWT_NAME_COLUMNS 32

static void
render_name(FILE *out, const char *name)
{
    char *escaped = text_escape(name);
    size_t columns = text_columns(escaped);

    text_indent(out, columns < MYNEWT_NAME_COLUMNS ? MYNEWT_NAME_COLUMNS - columns : 0);
    fputs(escaped, out);
    free(escaped);
}

static void
render_pool(FILE *out, const struct pool *pool)
{
    render_name(out, pool->name);
    fprintf(out, " %5" PRId64 " %4" PRId64 " %4" PRId64 " %4" PRId64 "\n", pool->block_size,
            pool->num_blocks, pool->num_free, pool->min_free);
}

void
render_mynewt(FILE *out, const struct report *report)
{
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct process *process = report->processes[i];

        render_heading(out, report, i);
        fprintf(out, "%32s %5s %4s %4s %4s\n", "name", "blksz", "cnt", "free", "min");
        for (size_t j = 0; j < process->n_rows; j++) {
            render_pool(out, process->rows[j]);
        }
    }
}
