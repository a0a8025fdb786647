/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

static double
pool_value_size(const struct pool *pool)
{
    return (double)pool->block_size;
}

static double
pool_value_count(const struct pool *pool)
{
    return (double)pool->num_blocks;
}

static double
pool_value_free(const struct pool *pool)
{
    return (double)pool->num_free;
}

static double
pool_value_min(const struct pool *pool)
{
    return (double)pool->min_free;
}

static double
pool_value_use(const struct pool *pool)
{
    return pool->num_blocks > 0 ? (double)pool_used(pool) / (double)pool->num_blocks : -1;
}

static double
pool_value_fail(const struct pool *pool)
{
    return (double)pool->failed;
}

static double
pool_value_rate(const struct pool *pool)
{
    /* What is not known comes last. */
    return pool->get_rate < 0 || pool->put_rate < 0 ? -1 : pool->get_rate + pool->put_rate;
}

/* Numbers that want attention come first: the big pools, the busy ones, those short of blocks. */
static const struct sort_key sort_keys[] = {
    {"name", false, NULL},           {"size", true, pool_value_size},
    {"cnt", true, pool_value_count}, {"free", false, pool_value_free},
    {"min", false, pool_value_min},  {"use", true, pool_value_use},
    {"fail", true, pool_value_fail}, {"rate", true, pool_value_rate},
};

const struct sort_key *
sort_key_find(const char *name)
{
    for (size_t i = 0; i < sizeof(sort_keys) / sizeof(sort_keys[0]); i++) {
        if (strcmp(sort_keys[i].name, name) == 0) {
            return &sort_keys[i];
        }
    }
    return NULL;
}

int64_t
pool_used(const struct pool *pool)
{
    return pool->num_blocks - pool->num_free;
}

static int
pool_compare_places(const struct pool *a, const struct pool *b)
{
    return (a->index > b->index) - (a->index < b->index);
}

/* Order of two rows; equal ones stay in the order of the document, which makes qsort stable. */
static int
pool_compare(const void *left, const void *right, void *arg)
{
    const struct pool *a = *(struct pool *const *)left, *b = *(struct pool *const *)right;
    const struct sort_key *key = arg;
    int order;

    if (key->value == NULL) {
        order = strcmp(a->name, b->name);
    } else {
        double x = key->value(a), y = key->value(b);

        order = key->largest_first ? (x < y) - (x > y) : (x > y) - (x < y);
    }
    return order != 0 ? order : pool_compare_places(a, b);
}

static void
pools_sort(struct pool **rows, size_t n, const struct sort_key *key)
{
    qsort_r(rows, n, sizeof(rows[0]), pool_compare, (void *)(uintptr_t)key);
}

static void
pools_reverse(struct pool **rows, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct pool *swapped = rows[i];

        rows[i] = rows[n - 1 - i];
        rows[n - 1 - i] = swapped;
    }
}

static bool
choice_admits(const struct choice *choice, const struct pool *pool)
{
    bool admits = choice->n_globs == 0;

    /* No early return: every glob that matches is to be known. */
    for (size_t i = 0; i < choice->n_globs; i++) {
        if (fnmatch(choice->globs[i], pool->name, 0) == 0) {
            choice->matched[i] = true;
            admits = true;
        }
    }
    return admits;
}

void
process_select(struct process *process, const struct choice *choice)
{
    process->rows = alloc_array(process->rows, process->n_pools, sizeof(struct pool *));
    process->n_rows = 0;
    for (size_t i = 0; i < process->n_pools; i++) {
        if (choice_admits(choice, &process->pools[i])) {
            process->rows[process->n_rows++] = &process->pools[i];
        }
    }
    if (choice->key != NULL) {
        pools_sort(process->rows, process->n_rows, choice->key);
    }
    if (choice->reverse) {
        pools_reverse(process->rows, process->n_rows);
    }
    if (choice->max_rows != 0 && choice->max_rows < process->n_rows) {
        process->n_rows = choice->max_rows;
    }
    process->whole = process->n_rows == process->n_pools && choice->key == NULL && !choice->reverse;
}

/* Rate of a counter. One that went back belongs to a pool that was registered anew. */
static double
rate_of(int64_t now, int64_t before, double seconds)
{
    if (now == MODEL_ABSENT || before == MODEL_ABSENT || seconds <= 0) {
        return -1;
    }
    return (double)(now >= before ? now - before : now) / seconds;
}

/* Rates of a pool since an earlier row; without one the pool is new and began at 0. */
static void
pool_rate(struct pool *pool, const struct pool *earlier, double seconds)
{
    pool->get_rate = rate_of(pool->gets, earlier != NULL ? earlier->gets : 0, seconds);
    pool->put_rate = rate_of(pool->puts, earlier != NULL ? earlier->puts : 0, seconds);
}

void
process_rate_since_start(struct process *process)
{
    bool known = process->time != MODEL_ABSENT && process->start_time != MODEL_ABSENT;
    double seconds = known ? (double)(process->time - process->start_time) / 1e6 : 0;

    for (size_t i = 0; i < process->n_pools; i++) {
        pool_rate(&process->pools[i], NULL, seconds);
    }
}

/* The document's own clock is the exact one, unless it is missing or was set back. */
static double
process_seconds_since(const struct process *process, const struct process *earlier)
{
    bool known = process->time != MODEL_ABSENT && earlier->time != MODEL_ABSENT;

    if (known && process->time > earlier->time) {
        return (double)(process->time - earlier->time) / 1e6;
    }
    return (double)(process->received_ns - earlier->received_ns) / 1e9;
}

static struct pool **
process_pools_by_name(const struct process *process)
{
    struct pool **sorted = alloc_array(NULL, process->n_pools, sizeof(struct pool *));

    for (size_t i = 0; i < process->n_pools; i++) {
        sorted[i] = &process->pools[i];
    }
    pools_sort(sorted, process->n_pools, &sort_keys[0]);
    return sorted;
}

void
process_rate_since(struct process *process, const struct process *earlier)
{
    struct pool **pools = process_pools_by_name(process);
    struct pool **earlier_pools = process_pools_by_name(earlier);
    double seconds = process_seconds_since(process, earlier);
    size_t i = 0, j = 0;

    /* Both by name and then by place, so that the nth pool of a name meets the nth. */
    while (i < process->n_pools) {
        int order = j < earlier->n_pools ? strcmp(pools[i]->name, earlier_pools[j]->name) : -1;

        if (order <= 0) {
            pool_rate(pools[i++], order == 0 ? earlier_pools[j] : NULL, seconds);
        }
        if (order >= 0) {
            j++;
        }
    }
    free(pools);
    free(earlier_pools);
}

bool
process_is_same(const struct process *a, const struct process *b)
{
    if (a->pid != b->pid || a->start_time != b->start_time) {
        return false;
    }
    /* Each container may have a process 1; only its start to the microsecond makes it unique. */
    return a->start_time != MODEL_ABSENT || strcmp(a->origin, b->origin) == 0;
}

void
process_free(struct process *process)
{
    json_decref(process->json);
    free(process->served);
    free(process->origin);
    free(process->user);
    free(process->pools);
    free(process->rows);
    free(process);
}

void
report_keep(struct report *report, struct process *process)
{
    size_t n = report->n_processes + 1;

    report->processes = alloc_array(report->processes, n, sizeof(struct process *));
    report->processes[report->n_processes++] = process;
}

void
report_show(struct report *report, struct process *process)
{
    report_keep(report, process);
    report->n_shown = report->n_processes;
}

struct process *
report_find(const struct report *report, const struct process *process)
{
    for (size_t i = 0; i < report->n_processes; i++) {
        if (process_is_same(report->processes[i], process)) {
            return report->processes[i];
        }
    }
    return NULL;
}

void
report_clear(struct report *report)
{
    for (size_t i = 0; i < report->n_processes; i++) {
        process_free(report->processes[i]);
    }
    free(report->processes);
    absent_clear(&report->absent);
    *report = (struct report){0};
}
