/* SPDX-License-Identifier: Apache-2.0 */
#include "difference.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "collect.h"
#include "message.h"
#include "output.h"
#include "render.h"

static bool
program_is_same(const struct process *a, const struct process *b)
{
    return a->program != NULL && b->program != NULL && strcmp(a->program, b->program) == 0;
}

/* The first process that is like another and not taken; takes it. NULL if there is none. */
static struct process *
process_take(struct report *earlier, const struct process *process,
             bool (*is_like)(const struct process *a, const struct process *b))
{
    for (size_t i = 0; i < earlier->n_shown; i++) {
        struct process *found = earlier->processes[i];

        if (found != NULL && is_like(process, found)) {
            earlier->processes[i] = NULL;
            return found;
        }
    }
    return NULL;
}

/*
 * For each process its earlier document: of the same run, or else of another run of the same
 * program. What is left in earlier are the processes that are gone.
 */
static struct process **
processes_pair(const struct report *report, struct report *earlier)
{
    struct process **pairs = alloc_array(NULL, report->n_shown, sizeof(*pairs));

    for (size_t i = 0; i < report->n_shown; i++) {
        pairs[i] = process_take(earlier, report->processes[i], process_is_same);
    }
    for (size_t i = 0; i < report->n_shown; i++) {
        if (pairs[i] == NULL) {
            pairs[i] = process_take(earlier, report->processes[i], program_is_same);
        }
    }
    return pairs;
}

static int
difference_print(const struct options *options, const struct report *report, struct report *earlier)
{
    const struct choice *choice = &options->choice;
    struct process **pairs = processes_pair(report, earlier);
    FILE *out = output_begin();
    bool apart = false;

    for (size_t i = 0; i < report->n_shown; i++) {
        apart = render_difference(out, report->processes[i], pairs[i], choice, apart) || apart;
    }
    for (size_t i = 0; i < earlier->n_shown; i++) {
        if (earlier->processes[i] != NULL) {
            apart = render_difference(out, NULL, earlier->processes[i], choice, apart) || apart;
        }
    }
    for (size_t i = 0; i < report->n_shown; i++) {
        process_free(pairs[i]);
    }
    free(pairs);
    return output_finish(out);
}

int
difference_run(const struct options *options)
{
    struct report earlier = {0}, report = {0};
    int status = EXIT_NOTHING;

    if (collect_file(options, options->file, &earlier) &&
        collect_file(options, options->file_new, &report)) {
        status = difference_print(options, &report, &earlier);
    }
    report_clear(&earlier);
    report_clear(&report);
    return status;
}
