/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "message.h"
#include "render.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum metric_type {
    METRIC_GAUGE,
    METRIC_COUNTER, /* its samples end in _total */
    METRIC_INFO,    /* its samples end in _info; a gauge where there is no such type */
};

struct metric {
    const char *name; /* behind "osmempool_" */
    enum metric_type type;
    const char *unit; /* with which the name ends; NULL: none */
    const char *help;
    size_t offset; /* of an int64_t in what it is about; what is in seconds is in us there */
};

static const struct metric pool_metrics[] = {
    {"block_size_bytes", METRIC_GAUGE, "bytes", "Size of a block.",
     offsetof(struct pool, block_size)},
    {"blocks", METRIC_GAUGE, NULL, "Blocks that the pool has.", offsetof(struct pool, num_blocks)},
    {"free_blocks", METRIC_GAUGE, NULL, "Blocks that are free, also in the caches of threads.",
     offsetof(struct pool, num_free)},
    {"min_free_blocks", METRIC_GAUGE, NULL,
     "The fewest blocks that ever were free; of a pool with caches a lower bound.",
     offsetof(struct pool, min_free)},
    {"cached_blocks", METRIC_GAUGE, NULL, "Free blocks in the caches of threads.",
     offsetof(struct pool, num_cached)},
    {"gets", METRIC_COUNTER, NULL, "Blocks that were taken.", offsetof(struct pool, gets)},
    {"puts", METRIC_COUNTER, NULL, "Blocks that were put back.", offsetof(struct pool, puts)},
    {"failed_gets", METRIC_COUNTER, NULL, "Gets that found no block.",
     offsetof(struct pool, failed)},
    {"refused_puts", METRIC_COUNTER, NULL, "Puts of what was no block of the pool, or free.",
     offsetof(struct pool, refused)},
    {"faults", METRIC_COUNTER, NULL, "Faults that the pool has found.",
     offsetof(struct pool, faults)},
    {"failed_get_timestamp_seconds", METRIC_GAUGE, "seconds",
     "Time of the last get that found no block.", offsetof(struct pool, failed_time)},
    {"min_free_timestamp_seconds", METRIC_GAUGE, "seconds",
     "Time at which the fewest blocks were free, or at which the mark was reset.",
     offsetof(struct pool, min_time)},
};

static const struct metric metric_up = {
    "up", METRIC_GAUGE, NULL, "1: the pools of the process are here; 0: it did not answer.", 0};
static const struct metric metric_process = {"process", METRIC_INFO, NULL,
                                             "Which library the process uses.", 0};
static const struct metric metric_start = {"process_start_time_seconds", METRIC_GAUGE, "seconds",
                                           "Time at which the process started.", 0};
static const struct metric metric_pools = {"pools", METRIC_GAUGE, NULL,
                                           "Pools that the process has.", 0};
static const struct metric metric_stale = {
    "stale_pools", METRIC_GAUGE, NULL,
    "Pools that changed too fast to be read at one moment; their numbers may not add up.", 0};
static const struct metric metric_errors = {"scrape_errors", METRIC_GAUGE, NULL,
                                            "Sockets that could not be read this time.", 0};

/* What series are about: a process that was read, or one that was not. */
struct subject {
    int64_t pid; /* MODEL_ABSENT: not known */
    const char *program, *origin;
    const struct process *process; /* NULL: it was not read */
    char *labels;
    char **pool_labels; /* one for each pool of the process */
};

struct exposition {
    FILE *out;
    enum metrics_form form;
    const struct report *report;
    struct subject *subjects;
    size_t n_subjects;
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

struct label {
    char *value;
    size_t place;
};

static int
label_compare(const void *left, const void *right)
{
    const struct label *a = left, *b = right;
    int order = strcmp(a->value, b->value);

    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* The labels of every pool of a process, be it shown or not: which are shown changes no series. */
static char **
pool_labels_new(const struct process *process)
{
    struct label *labels = alloc_array(NULL, process->n_pools, sizeof(*labels));
    char **lines = alloc_array(NULL, process->n_pools, sizeof(*lines));
    size_t nth = 1;

    for (size_t i = 0; i < process->n_pools; i++) {
        labels[i] = (struct label){label_escape(process->pools[i].name), i};
    }
    qsort(labels, process->n_pools, sizeof(*labels), label_compare);
    for (size_t i = 0; i < process->n_pools; i++) {
        bool again = i > 0 && strcmp(labels[i].value, labels[i - 1].value) == 0;

        nth = again ? nth + 1 : 1;
        lines[labels[i].place] =
            again ? alloc_format(",pool=\"%s\",index=\"%zu\"", labels[i].value, nth)
                  : alloc_format(",pool=\"%s\"", labels[i].value);
    }
    for (size_t i = 0; i < process->n_pools; i++) {
        free(labels[i].value);
    }
    free(labels);
    return lines;
}

static bool
subject_is_like(const struct subject *a, const struct subject *b)
{
    return a->pid == b->pid && strcmp(a->program, b->program) == 0;
}

/* Adds a subject, unless it is in the report already. */
static void
exposition_add(struct exposition *exposition, struct subject subject)
{
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        const struct subject *other = &exposition->subjects[i];

        if (subject_is_like(other, &subject) && strcmp(other->origin, subject.origin) == 0) {
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
            exposition_add(exposition,
                           (struct subject){unread->pid, "", unread->path, NULL, NULL, NULL});
        }
    }
}

static char *
subject_labels(const struct exposition *exposition, const struct subject *subject)
{
    char *program = label_escape(subject->program), *origin = label_escape(subject->origin);
    char *pid =
        subject->pid == MODEL_ABSENT ? alloc_copy("") : alloc_format("%" PRId64, subject->pid);
    bool alone = true;
    char *labels;

    for (size_t i = 0; i < exposition->n_subjects; i++) {
        const struct subject *other = &exposition->subjects[i];

        alone = alone && (other == subject || !subject_is_like(other, subject));
    }
    /* Where no process is known, the socket is all there is to tell. */
    alone = alone && subject->pid != MODEL_ABSENT;
    labels = alone ? alloc_format("pid=\"%s\",program=\"%s\"", pid, program)
                   : alloc_format("pid=\"%s\",program=\"%s\",socket=\"%s\"", pid, program, origin);
    free(program);
    free(origin);
    free(pid);
    return labels;
}

static void
exposition_label(struct exposition *exposition)
{
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        struct subject *subject = &exposition->subjects[i];

        subject->labels = subject_labels(exposition, subject);
        if (subject->process != NULL) {
            subject->pool_labels = pool_labels_new(subject->process);
        }
    }
}

static void
exposition_free(struct exposition *exposition)
{
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        struct subject *subject = &exposition->subjects[i];

        for (size_t j = 0; subject->process != NULL && j < subject->process->n_pools; j++) {
            free(subject->pool_labels[j]);
        }
        free(subject->pool_labels);
        free(subject->labels);
    }
    free(exposition->subjects);
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
print_family(const struct exposition *exposition, const struct metric *metric)
{
    static const char *const types[] = {
        [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_INFO] = "info"};
    bool open = exposition->form == METRICS_OPENMETRICS;
    const char *suffix = open ? "" : metric_suffix(metric);
    const char *type = metric->type == METRIC_INFO && !open ? "gauge" : types[metric->type];
    FILE *out = exposition->out;

    fprintf(out, "# HELP osmempool_%s%s %s\n", metric->name, suffix, metric->help);
    fprintf(out, "# TYPE osmempool_%s%s %s\n", metric->name, suffix, type);
    if (open && metric->unit != NULL) {
        fprintf(out, "# UNIT osmempool_%s %s\n", metric->name, metric->unit);
    }
}

/* A sample, unless it is not known, or the time of what has never happened. */
static void
print_sample(const struct exposition *exposition, const struct metric *metric, const char *labels,
             const char *more_labels, int64_t value)
{
    bool is_time = metric->unit != NULL && strcmp(metric->unit, "seconds") == 0;
    FILE *out = exposition->out;

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
metric_value(const struct metric *metric, const void *object)
{
    int64_t value;

    memcpy(&value, (const char *)object + metric->offset, sizeof(value));
    return value;
}

static void
print_pool_metric(const struct exposition *exposition, const struct metric *metric)
{
    print_family(exposition, metric);
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        const struct subject *subject = &exposition->subjects[i];
        size_t n_rows = subject->process != NULL ? subject->process->n_rows : 0;

        for (size_t j = 0; j < n_rows; j++) {
            const struct pool *pool = subject->process->rows[j];

            print_sample(exposition, metric, subject->labels, subject->pool_labels[pool->index],
                         metric_value(metric, pool));
        }
    }
}

/* A number of a process; MODEL_ABSENT: none. */
typedef int64_t process_value_fn(const struct process *process);

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

static void
print_process_metric(const struct exposition *exposition, const struct metric *metric,
                     process_value_fn *value)
{
    print_family(exposition, metric);
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        const struct subject *subject = &exposition->subjects[i];

        if (subject->process != NULL) {
            print_sample(exposition, metric, subject->labels, "", value(subject->process));
        }
    }
}

static void
print_up(const struct exposition *exposition)
{
    print_family(exposition, &metric_up);
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        const struct subject *subject = &exposition->subjects[i];

        print_sample(exposition, &metric_up, subject->labels, "", subject->process != NULL);
    }
}

static void
print_info(const struct exposition *exposition)
{
    print_family(exposition, &metric_process);
    for (size_t i = 0; i < exposition->n_subjects; i++) {
        const struct subject *subject = &exposition->subjects[i];
        const struct process *process = subject->process;
        char *version, *locking, *labels;

        if (process == NULL) {
            continue;
        }
        version = label_escape(process->version != NULL ? process->version : "");
        locking = label_escape(process->locking != NULL ? process->locking : "");
        labels = alloc_format(",version=\"%s\",locking=\"%s\"", version, locking);
        print_sample(exposition, &metric_process, subject->labels, labels, 1);
        free(version);
        free(locking);
        free(labels);
    }
}

void
metrics_print(FILE *out, const struct report *report, enum metrics_form form)
{
    struct exposition exposition = {.out = out, .form = form, .report = report};

    exposition_collect(&exposition);
    exposition_label(&exposition);
    print_up(&exposition);
    print_info(&exposition);
    print_process_metric(&exposition, &metric_start, process_start);
    print_process_metric(&exposition, &metric_pools, process_pools);
    print_process_metric(&exposition, &metric_stale, process_stale_pools);
    for (size_t i = 0; i < COUNT_OF(pool_metrics); i++) {
        print_pool_metric(&exposition, &pool_metrics[i]);
    }
    print_family(&exposition, &metric_errors);
    print_sample(&exposition, &metric_errors, "", "", (int64_t)report->n_unread);
    if (form == METRICS_OPENMETRICS) {
        fputs("# EOF\n", out);
    }
    exposition_free(&exposition);
}

void
render_openmetrics(FILE *out, const struct report *report)
{
    metrics_print(out, report, METRICS_OPENMETRICS);
}
