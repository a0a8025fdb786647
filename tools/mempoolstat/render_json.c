/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"
#include "render.h"
#include "text.h"

/* The places of the chosen pools, or of all entries of another kind. */
static size_t
chosen_entry(const struct process *process, size_t i)
{
    return process->kind == DOCUMENT_POOLS ? process->rows[i]->index : i;
}

/* The document with the chosen entries only, but with all their fields, known here or not. */
static void
render_chosen(FILE *out, const struct process *process)
{
    text_print_json(out, process->served, process->list.begin);
    for (size_t i = 0; i < process->n_rows; i++) {
        struct span text = document_entry_text(process, chosen_entry(process, i));

        fputs(i > 0 ? "," : "", out);
        text_print_json(out, process->served + text.begin, text.end - text.begin);
    }
    text_print_json(out, process->served + process->list.end,
                    process->n_served - process->list.end);
}

static void
render_process(FILE *out, const struct process *process)
{
    if (process->whole) {
        text_print_json(out, process->served, process->n_served);
    } else {
        render_chosen(out, process);
    }
}

void
render_json(FILE *out, const struct report *report)
{
    bool several = report->n_shown > 1;

    fputs(several ? "[" : "", out);
    for (size_t i = 0; i < report->n_shown; i++) {
        fputs(i > 0 ? ",\n" : "", out);
        render_process(out, report->processes[i]);
    }
    fputs(several ? "]\n" : "\n", out);
}
