/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "alloc.h"
#include "check.h"
#include "render.h"
#include "table.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct table_column check_columns[] = {
    {"name", 32, false},
    {"result", 7, true},
    {"what", 0, true},
};

static char *
cell_result(const struct check *check)
{
    static const char *const results[] = {
        [CHECK_SANE] = "sane",
        [CHECK_DAMAGED] = "DAMAGED",
        [CHECK_BUSY] = "busy",
    };

    return alloc_copy(results[check->result]);
}

static char *
cell_place(const struct check *check)
{
    if (check->block != MODEL_ABSENT && check->has_address) {
        return alloc_format("(block %" PRId64 " at 0x%" PRIx64 ")", check->block, check->address);
    }
    if (check->block != MODEL_ABSENT) {
        return alloc_format("(block %" PRId64 ")", check->block);
    }
    return check->has_address ? alloc_format("(at 0x%" PRIx64 ")", check->address) : alloc_copy("");
}

static char *
cell_what(const struct check *check)
{
    char *place = cell_place(check);
    char *what = text_escape(check->what != NULL ? check->what : "");
    char *cell;

    if (check->result == CHECK_BUSY && what[0] == '\0') {
        cell = alloc_copy("another thread had the pool for more than a second: try again");
    } else {
        cell = alloc_format("%s%s%s", what, what[0] != '\0' && place[0] != '\0' ? " " : "", place);
    }
    free(place);
    free(what);
    return cell;
}

void
render_checks(FILE *out, const struct report *report)
{
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct process *process = report->processes[i];
        struct table table;

        render_heading(out, report, i);
        table_init(&table, check_columns, COUNT_OF(check_columns));
        for (size_t j = 0; j < process->n_checks; j++) {
            table_add(&table, text_escape(process->checks[j].name));
            table_add(&table, cell_result(&process->checks[j]));
            table_add(&table, cell_what(&process->checks[j]));
        }
        table_print(&table, out);
        table_free(&table);
    }
}
