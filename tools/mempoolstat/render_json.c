/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <string.h>

#include "render.h"
#include "text.h"

/* The document with the chosen pools only, but with all their fields, known here or not. */
static void
render_chosen(FILE *out, const struct process *process)
{
    json_t *json = json_copy(process->json);
    const json_t *all = json_object_get(process->json, "pools");
    json_t *chosen = json_array();

    for (size_t i = 0; i < process->n_rows; i++) {
        json_array_append(chosen, json_array_get(all, process->rows[i]->index));
    }
    json_object_set_new(json, "pools", chosen);
    json_dumpf(json, out, JSON_COMPACT);
    json_decref(json);
}

static void
render_process(FILE *out, const struct process *process)
{
    if (!process->whole) {
        render_chosen(out, process);
    } else if (process->served != NULL) {
        text_print_json(out, process->served, strlen(process->served));
    } else {
        json_dumpf(process->json, out, JSON_COMPACT);
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
