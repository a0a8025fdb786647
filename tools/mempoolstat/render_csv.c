/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "render.h"
#include "text.h"

/* Numbers that every pool has, or may have. */
static const struct csv_column {
    const char *title;
    size_t offset; /* of an int64_t in struct pool */
} csv_columns[] = {
    {"block_size", offsetof(struct pool, block_size)},
    {"num_blocks", offsetof(struct pool, num_blocks)},
    {"num_free", offsetof(struct pool, num_free)},
    {"min_free", offsetof(struct pool, min_free)},
    {"num_cached", offsetof(struct pool, num_cached)},
    {"gets", offsetof(struct pool, gets)},
    {"puts", offsetof(struct pool, puts)},
    {"failed", offsetof(struct pool, failed)},
    {"refused", offsetof(struct pool, refused)},
    {"faults", offsetof(struct pool, faults)},
};

#define N_CSV_COLUMNS (sizeof(csv_columns) / sizeof(csv_columns[0]))

/* In quotation marks where it must be, by RFC 4180. */
static void
csv_text(FILE *out, const char *text)
{
    char *escaped = text_escape_data(text);
    bool quoted = strpbrk(escaped, ",\"") != NULL;

    fputs(quoted ? "\"" : "", out);
    for (const char *byte = escaped; *byte != '\0'; byte++) {
        fputs(*byte == '"' ? "\"" : "", out);
        fputc(*byte, out);
    }
    fputs(quoted ? "\"" : "", out);
    free(escaped);
}

/* What is not known is empty. */
static void
csv_count(FILE *out, int64_t count)
{
    if (count != MODEL_ABSENT) {
        fprintf(out, "%" PRId64, count);
    }
    fputc(',', out);
}

static void
csv_rate(FILE *out, double rate)
{
    if (rate >= 0) {
        fprintf(out, "%.3f", rate);
    }
}

static void
csv_pool(FILE *out, const struct process *process, const struct pool *pool)
{
    csv_count(out, process->time);
    csv_count(out, process->pid);
    csv_text(out, process->program != NULL ? process->program : "");
    fputc(',', out);
    csv_text(out, pool->name);
    fputc(',', out);
    for (size_t i = 0; i < N_CSV_COLUMNS; i++) {
        int64_t count;

        memcpy(&count, (const char *)pool + csv_columns[i].offset, sizeof(count));
        csv_count(out, count);
    }
    csv_rate(out, pool->get_rate);
    fputc(',', out);
    csv_rate(out, pool->put_rate);
    fputc('\n', out);
}

static void
csv_titles(FILE *out)
{
    fputs("time,pid,program,name,", out);
    for (size_t i = 0; i < N_CSV_COLUMNS; i++) {
        fprintf(out, "%s,", csv_columns[i].title);
    }
    fputs("get_rate,put_rate\n", out);
}

void
render_csv(FILE *out, const struct report *report)
{
    if (report->number == 0) {
        csv_titles(out);
    }
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct process *process = report->processes[i];

        for (size_t j = 0; j < process->n_rows; j++) {
            csv_pool(out, process, process->rows[j]);
        }
    }
}
