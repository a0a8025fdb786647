/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "message.h"
#include "render.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Pools in one piece of the output. */
#define METRICS_ROWS 32

enum metric_type {
    METRIC_GAUGE,
    METRIC_COUNTER, /* its samples end in _total */
    METRIC_INFO,    /* its samples end in _info; a gauge where there is no such type */
};

/* What has a sample of the metric. */
enum metric_scope {
    SCOPE_POOL,
    SCOPE_PROCESS,
    SCOPE_SUBJECT, /* a process, be it that it was not read */
    SCOPE_REPORT,
};

/* A number of a process; MODEL_ABSENT: none. */
typedef int64_t process_value_fn(const struct process *process);

struct metric {
    const char *name; /* behind "osmempool_" */
    enum metric_type type;
    enum metric_scope scope;
    const char *unit; /* with which the name ends; NULL: none */
    const char *help;
    size_t offset; /* SCOPE_POOL: of an int64_t in the pool; what is in seconds is in us there */
    process_value_fn *value; /* SCOPE_PROCESS */
};

static int64_t
process_one(const struct process *process)
{
    return 1;
}

static int64_t
process_start(const struct process *process)
{
    return process->start_time;
}

static int64_t
process_pools(const struct process *process)
{
    return (int64_t)process->n_pools;
}

static int64_t
process_stale_pools(const struct process *process)
{
    int64_t n = 0;

    for (size_t i = 0; i < process->n_pools; i++) {
        n += process->pools[i].stale;
    }
    return n;
}

#define METRIC_POOL(name, type, unit, help, member)                                                \
    {                                                                                              \
        name, type, SCOPE_POOL, unit, help, offsetof(struct pool, member), NULL                    \
    }
#define METRIC_PROCESS(name, type, unit, help, value)                                              \
    {                                                                                              \
        name, type, SCOPE_PROCESS, unit, help, 0, value                                            \
    }

/* In the order in which they are printed. */
static const struct metric metrics[] = {
    {"up", METRIC_GAUGE, SCOPE_SUBJECT, NULL,
     "1: the pools of the process are here; 0: it did not answer.", 0, NULL},
    METRIC_PROCESS("process", METRIC_INFO, NULL, "Which library the process uses.", process_one),
    METRIC_PROCESS("process_start_time_seconds", METRIC_GAUGE, "seconds",
                   "Time at which the process started.", process_start),
    METRIC_PROCESS("pools", METRIC_GAUGE, NULL, "Pools that the process has.", process_pools),
    METRIC_PROCESS(
        "stale_pools", METRIC_GAUGE, NULL,
        "Pools that changed too fast to be read at one moment; their numbers may not add up.",
        process_stale_pools),
    METRIC_POOL("block_size_bytes", METRIC_GAUGE, "bytes", "Size of a block.", block_size),
    METRIC_POOL("blocks", METRIC_GAUGE, NULL, "Blocks that the pool has.", num_blocks),
    METRIC_POOL("free_blocks", METRIC_GAUGE, NULL,
                "Blocks that are free, also in the caches of threads.", num_free),
    METRIC_POOL("min_free_blocks", METRIC_GAUGE, NULL,
                "The fewest blocks that ever were free; of a pool with caches a lower bound.",
                min_free),
    METRIC_POOL("cached_blocks", METRIC_GAUGE, NULL, "Free blocks in the caches of threads.",
                num_cached),
    METRIC_POOL("gets", METRIC_COUNTER, NULL, "Blocks that were taken.", gets),
    METRIC_POOL("puts", METRIC_COUNTER, NULL, "Blocks that were put back.", puts),
    METRIC_POOL("failed_gets", METRIC_COUNTER, NULL, "Gets that found no block.", failed),
    METRIC_POOL("refused_puts", METRIC_COUNTER, NULL,
                "Puts of what was no block of the pool, or free.", refused),
    METRIC_POOL("faults", METRIC_COUNTER, NULL, "Faults that the pool has found.", faults),
    METRIC_POOL("failed_get_timestamp_seconds", METRIC_GAUGE, "seconds",
                "Time of the last get that found no block.", failed_time),
    METRIC_POOL("min_free_timestamp_seconds", METRIC_GAUGE, "seconds",
                "Time at which the fewest blocks were free, or at which the mark was reset.",
                min_time),
    {"scrape_errors", METRIC_GAUGE, SCOPE_REPORT, NULL, "Sockets that could not be read this time.",
     0, NULL},
};

/* What series are about: a process that was read, or one that was not. */
struct subject {
    int64_t pid; /* MODEL_ABSENT: not known */
    const char *program, *origin;
    const struct process *process; /* NULL: it was not read */
    bool by_socket;                /* pid and program are not enough to tell it by */
    char *labels;
    uint32_t *numbers; /* for each pool of the process: the how manieth of its name and id it is */
};

struct exposition {
    enum metrics_form form;
    const struct report *report;
    struct subject *subjects;
    size_t n_subjects;
    /* What is printed next. */
    size_t metric, subject, row;
};

const char *
metrics_content_type(enum metrics_form form)
{
    return form == METRICS_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

/*
 * A string as the value of a label. What does not show becomes \xNN as in the tables, but whatever
 * the locale: a series must not depend on who scrapes it. Then backslash and quote are escaped.
 */
static char *
label_escape(const char *text)
{
    char *data = text_escape_data(text);
    char *escaped = alloc_array(NULL, strlen(data) + 1, 2), *end = escaped;

    for (const char *byte = data; *byte != '\0'; byte++) {
        if (*byte == '\\' || *byte == '"') {
            *end++ = '\\';
        }
        *end++ = *byte;
    }
    *end++ = '\0';
    free(data);
    return alloc_array(escaped, (size_t)(end - escaped), 1);
}

/* Older libraries tell no id: then it is the same for all. */
static int
pool_compare_labels(const struct pool *a, const struct pool *b)
{
    int order = strcmp(a->name, b->name);

    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

static int
pool_compare_numbers(const void *left, const void *right)
{
    const struct pool *a = *(struct pool *const *)left, *b = *(struct pool *const *)right;
    int order = pool_compare_labels(a, b);

    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* The numbers of all pools of a process, be they shown or not: which are shown changes no series.
 * Of pools that have an id all are 1, unless who answers tells nonsense. */
static uint32_t *
pool_numbers_new(const struct process *process)
{
    const struct pool **sorted = alloc_array(NULL, process->n_pools, sizeof(*sorted));
    uint32_t *numbers = alloc_array(NULL, process->n_pools, sizeof(*numbers));

    for (size_t i = 0; i < process->n_pools; i++) {
        sorted[i] = &process->pools[i];
    }
    qsort(sorted, process->n_pools, sizeof(*sorted), pool_compare_numbers);
    for (size_t i = 0; i < process->n_pools; i++) {
        bool again = i > 0 && pool_compare_labels(sorted[i], sorted[i - 1]) == 0;

        numbers[sorted[i]->index] = again ? numbers[sorted[i - 1]->index] + 1 : 1;
    }
    free(sorted);
    return numbers;
}

static char *
pool_labels(const struct subject *subject, const struct pool *pool)
{
    char *name = label_escape(pool->name);
    uint32_t number = subject->numbers[pool->index];
    char *id =
        pool->id != MODEL_ABSENT ? alloc_format(",id=\"%" PRId64 "\"", pool->id) : alloc_copy("");
    char *index = number > 1 ? alloc_format(",index=\"%" PRIu32 "\"", number) : alloc_copy("");
    char *labels = alloc_format(",pool=\"%s\"%s%s", name, id, index);

    free(name);
    free(id);
    free(index);
    return labels;
}

/* Whether two would have the same labels. */
static bool
subject_is_like(const struct subject *a, const struct subject *b)
{
    return a->pid == b->pid && a->by_socket == b->by_socket &&
           strcmp(a->program, b->program) == 0 &&
           (!a->by_socket || strcmp(a->origin, b->origin) == 0);
}

/* Adds a subject, unless it is in the report already. */
static void
exposition_add(struct exposition *exposition, struct subject subject)
{
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        if (subject_is_like(&exposition->subjects[i], &subject)) {
            message_print("%s: process %" PRId64 " is there more than once; the first one counts",
                          subject.origin, subject.pid);
            return;
        }
    }
    exposition->subjects[exposition->n_subjects++] = subject;
}

static void
exposition_add_process(struct exposition *exposition, const struct process *process, bool up)
{
    struct subject subject = {
        .pid = process->pid,
        .program = process->program != NULL ? process->program : "",
        .origin = process->origin,
        .process = up ? process : NULL,
        .by_socket = process->from_socket && !process->own_number,
    };

    exposition_add(exposition, subject);
}

/* Whether a socket is that of a process which has answered before, and has its entry already. */
static bool
exposition_knows(const struct exposition *exposition, const char *origin)
{
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        if (strcmp(exposition->subjects[i].origin, origin) == 0) {
            return true;
        }
    }
    return false;
}

static void
exposition_collect(struct exposition *exposition)
{
    const struct report *report = exposition->report;

    exposition->subjects =
        alloc_array(NULL, report->n_processes + report->n_unread, sizeof(struct subject));
    for (size_t i = 0; i < report->n_processes; i++) {
        const struct process *process = report->processes[i];

        if (i < report->n_shown) {
            exposition_add_process(exposition, process, true);
        } else if (process->late && (process->n_rows > 0 || process->n_pools == 0)) {
            exposition_add_process(exposition, process, false);
        }
    }
    for (size_t i = 0; i < report->n_unread; i++) {
        const struct unread *unread = &report->unread[i];

        if (!exposition_knows(exposition, unread->path)) {
            exposition_add(exposition, (struct subject){.pid = unread->pid,
                                                        .program = "",
                                                        .origin = unread->path,
                                                        .by_socket = true});
        }
    }
}

static char *
subject_labels(const struct subject *subject)
{
    char *program = label_escape(subject->program), *origin = label_escape(subject->origin);
    char *pid =
        subject->pid == MODEL_ABSENT ? alloc_copy("") : alloc_format("%" PRId64, subject->pid);
    char *labels = subject->by_socket ? alloc_format("pid=\"%s\",program=\"%s\",socket=\"%s\"", pid,
                                                     program, origin)
                                      : alloc_format("pid=\"%s\",program=\"%s\"", pid, program);

    free(program);
    free(origin);
    free(pid);
    return labels;
}

struct exposition *
metrics_begin(const struct report *report, enum metrics_form form)
{
    struct exposition *exposition = alloc_array(NULL, 1, sizeof(*exposition));

    *exposition = (struct exposition){.form = form, .report = report};
    exposition_collect(exposition);
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        struct subject *subject = &exposition->subjects[i];

        subject->labels = subject_labels(subject);
        if (subject->process != NULL) {
            subject->numbers = pool_numbers_new(subject->process);
        }
    }
    return exposition;
}

void
metrics_end(struct exposition *exposition)
{
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        free(exposition->subjects[i].numbers);
        free(exposition->subjects[i].labels);
    }
    free(exposition->subjects);
    free(exposition);
}

static const char *
metric_suffix(const struct metric *metric)
{
    static const char *const suffixes[] = {
        [METRIC_GAUGE] = "", [METRIC_COUNTER] = "_total", [METRIC_INFO] = "_info"};

    return suffixes[metric->type];
}

/* The lines above the samples. OpenMetrics calls a family what precedes the suffix. */
static void
print_family(const struct exposition *exposition, const struct metric *metric, FILE *out)
{
    static const char *const types[] = {
        [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_INFO] = "info"};
    bool open = exposition->form == METRICS_OPENMETRICS;
    const char *suffix = open ? "" : metric_suffix(metric);
    const char *type = metric->type == METRIC_INFO && !open ? "gauge" : types[metric->type];

    fprintf(out, "# HELP osmempool_%s%s %s\n", metric->name, suffix, metric->help);
    fprintf(out, "# TYPE osmempool_%s%s %s\n", metric->name, suffix, type);
    if (open && metric->unit != NULL) {
        fprintf(out, "# UNIT osmempool_%s %s\n", metric->name, metric->unit);
    }
}

/* A sample, unless it is not known, or the time of what has never happened. */
static void
print_sample(const struct metric *metric, const char *labels, const char *more_labels,
             int64_t value, FILE *out)
{
    bool is_time = metric->unit != NULL && strcmp(metric->unit, "seconds") == 0;

    if (value == MODEL_ABSENT || (is_time && value == 0)) {
        return;
    }
    fprintf(out, "osmempool_%s%s", metric->name, metric_suffix(metric));
    if (labels[0] != '\0') {
        fprintf(out, "{%s%s}", labels, more_labels);
    }
    if (is_time) {
        fprintf(out, " %" PRId64 ".%06" PRId64 "\n", value / 1000000, value % 1000000);
    } else {
        fprintf(out, " %" PRId64 "\n", value);
    }
}

static int64_t
pool_value(const struct metric *metric, const struct pool *pool)
{
    int64_t value;

    memcpy(&value, (const char *)pool + metric->offset, sizeof(value));
    return value;
}

/* Some pools of a process, from a row on. Returns whether there are more. */
static bool
print_pools(const struct metric *metric, const struct subject *subject, size_t *row, FILE *out)
{
    size_t n_rows = subject->process != NULL ? subject->process->n_rows : 0;

    for (size_t i = 0; i < METRICS_ROWS && *row < n_rows; i++) {
        const struct pool *pool = subject->process->rows[(*row)++];
        int64_t value = pool_value(metric, pool);

        if (value != MODEL_ABSENT) {
            char *labels = pool_labels(subject, pool);

            print_sample(metric, subject->labels, labels, value, out);
            free(labels);
        }
    }
    return *row < n_rows;
}

/* What an info tells, as labels; other metrics have none. */
static char *
process_labels(const struct metric *metric, const struct process *process)
{
    char *version, *locking, *labels;

    if (metric->type != METRIC_INFO) {
        return alloc_copy("");
    }
    version = label_escape(process->version != NULL ? process->version : "");
    locking = label_escape(process->locking != NULL ? process->locking : "");
    labels = alloc_format(",version=\"%s\",locking=\"%s\"", version, locking);
    free(version);
    free(locking);
    return labels;
}

static void
print_process(const struct metric *metric, const struct subject *subject, FILE *out)
{
    if (subject->process != NULL) {
        char *labels = process_labels(metric, subject->process);

        print_sample(metric, subject->labels, labels, metric->value(subject->process), out);
        free(labels);
    }
}

/* What a metric tells of a subject, or a part of it. Returns whether there is more. */
static bool
print_subject(struct exposition *exposition, const struct metric *metric, FILE *out)
{
    const struct subject *subject = &exposition->subjects[exposition->subject];

    switch (metric->scope) {
    case SCOPE_POOL:
        return print_pools(metric, subject, &exposition->row, out);
    case SCOPE_PROCESS:
        print_process(metric, subject, out);
        return false;
    case SCOPE_SUBJECT:
        print_sample(metric, subject->labels, "", subject->process != NULL, out);
        return false;
    default:
        return false;
    }
}

/* What stands behind all samples of a metric. */
static void
print_end(struct exposition *exposition, const struct metric *metric, FILE *out)
{
    if (metric->scope == SCOPE_REPORT) {
        print_sample(metric, "", "", (int64_t)exposition->report->n_missed, out);
    }
    exposition->metric++;
    exposition->subject = 0;
    if (exposition->metric == COUNT_OF(metrics) && exposition->form == METRICS_OPENMETRICS) {
        fputs("# EOF\n", out);
    }
}

bool
metrics_print_next(struct exposition *exposition, FILE *out)
{
    const struct metric *metric;

    if (exposition->metric == COUNT_OF(metrics)) {
        return false;
    }
    metric = &metrics[exposition->metric];
    if (exposition->subject == 0 && exposition->row == 0) {
        print_family(exposition, metric, out);
    }
    if (exposition->subject == exposition->n_subjects) {
        print_end(exposition, metric, out);
    } else if (!print_subject(exposition, metric, out)) {
        exposition->subject++;
        exposition->row = 0;
    }
    return true;
}

void
render_openmetrics(FILE *out, const struct report *report)
{
    struct exposition *exposition = metrics_begin(report, METRICS_OPENMETRICS);

    while (metrics_print_next(exposition, out)) {
    }
    metrics_end(exposition);
}
