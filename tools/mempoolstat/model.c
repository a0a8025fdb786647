/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "check.h"
#include "holding.h"

/* Of a user: each has a line on standard error, and a series of metrics. */
#define MODEL_MAX_UNREAD 64

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
sort_key_at(size_t place)
{
    return place < sizeof(sort_keys) / sizeof(sort_keys[0]) ? &sort_keys[place] : NULL;
}

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

int64_t
pool_bytes(const struct pool *pool)
{
    int64_t bytes;

    return __builtin_mul_overflow(pool->num_blocks, pool->block_size, &bytes) ? INT64_MAX : bytes;
}

struct pool
pool_zero(void)
{
    return (struct pool){.name = "", .block_size = MODEL_ABSENT, .min_free = MODEL_ABSENT};
}

int64_t
count_add(int64_t a, int64_t b)
{
    int64_t sum;

    if (a == MODEL_ABSENT || b == MODEL_ABSENT) {
        return MODEL_ABSENT;
    }
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static double
rate_add(double a, double b)
{
    return a < 0 || b < 0 ? -1 : a + b;
}

void
pool_add(struct pool *sum, const struct pool *pool)
{
    sum->num_blocks = count_add(sum->num_blocks, pool->num_blocks);
    sum->num_free = count_add(sum->num_free, pool->num_free);
    sum->num_cached = count_add(sum->num_cached, pool->num_cached);
    sum->failed = count_add(sum->failed, pool->failed);
    sum->faults = count_add(sum->faults, pool->faults);
    sum->get_rate = rate_add(sum->get_rate, pool->get_rate);
    sum->put_rate = rate_add(sum->put_rate, pool->put_rate);
    sum->fail_rate = rate_add(sum->fail_rate, pool->fail_rate);
}

static int
pool_compare_places(const struct pool *a, const struct pool *b)
{
    return (a->index > b->index) - (a->index < b->index);
}

int
pool_order(const struct pool *a, const struct pool *b, const struct sort_key *key)
{
    double x, y;

    if (key->value == NULL) {
        return strcmp(a->name, b->name);
    }
    x = key->value(a);
    y = key->value(b);
    return key->largest_first ? (x < y) - (x > y) : (x > y) - (x < y);
}

/* Order of two rows; equal ones stay in the order of the document, which makes qsort stable. */
static int
pool_compare(const void *left, const void *right, void *arg)
{
    const struct pool *a = *(struct pool *const *)left, *b = *(struct pool *const *)right;
    int order = pool_order(a, b, arg);

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

bool
choice_admits(const struct choice *choice, const char *name)
{
    bool admits = choice->n_globs == 0;

    /* No early return: every glob that matches is to be known. */
    for (size_t i = 0; i < choice->n_globs; i++) {
        if (fnmatch(choice->globs[i], name, 0) == 0) {
            choice->matched[i] = true;
            admits = true;
        }
    }
    return admits;
}

static void
process_select_pools(struct process *process, const struct choice *choice)
{
    process->rows = alloc_array(process->rows, process->n_pools, sizeof(struct pool *));
    process->n_rows = 0;
    for (size_t i = 0; i < process->n_pools; i++) {
        if (choice_admits(choice, process->pools[i].name)) {
            process->rows[process->n_rows++] = &process->pools[i];
        }
    }
    if (choice->key != NULL) {
        pools_sort(process->rows, process->n_rows, choice->key);
    }
    if (choice->reverse) {
        pools_reverse(process->rows, process->n_rows);
    }
    process->n_chosen = process->n_rows;
    if (choice->max_rows != 0 && choice->max_rows < process->n_rows) {
        process->n_rows = choice->max_rows;
    }
    process->whole = process->n_rows == process->n_pools && choice->key == NULL &&
                     !choice->reverse && !process->cut;
}

void
process_select(struct process *process, const struct choice *choice)
{
    if (process->kind == DOCUMENT_POOLS) {
        process_select_pools(process, choice);
    } else {
        /* Chosen when it was read. Of these three, two are 0. */
        process->n_rows = process->n_pools + process->n_holdings + process->n_checks;
        process->whole = !process->cut;
    }
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

void
pool_rate(struct pool *pool, const struct pool *earlier, double seconds)
{
    pool->get_rate = rate_of(pool->gets, earlier != NULL ? earlier->gets : 0, seconds);
    pool->put_rate = rate_of(pool->puts, earlier != NULL ? earlier->puts : 0, seconds);
    pool->fail_rate = rate_of(pool->failed, earlier != NULL ? earlier->failed : 0, seconds);
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

/* How two documents tell which pool is which: equal ones are the same. */
struct match_order {
    int (*compare)(const struct pool *a, const struct pool *b);
};

static int
match_compare_names(const struct pool *a, const struct pool *b)
{
    return strcmp(a->name, b->name);
}

/* A process that runs another program now begins with the same ids, at a later time. */
static int
match_compare_ids(const struct pool *a, const struct pool *b)
{
    int order = (a->id > b->id) - (a->id < b->id);

    return order != 0 ? order
                      : (a->registered_time > b->registered_time) -
                            (a->registered_time < b->registered_time);
}

static int
match_compare(const void *left, const void *right, void *arg)
{
    const struct pool *a = *(struct pool *const *)left, *b = *(struct pool *const *)right;
    const struct match_order *by = arg;
    int order = by->compare(a, b);

    return order != 0 ? order : pool_compare_places(a, b);
}

static struct pool **
process_pools_sorted(const struct process *process, const struct match_order *by)
{
    struct pool **sorted = alloc_array(NULL, process->n_pools, sizeof(struct pool *));

    for (size_t i = 0; i < process->n_pools; i++) {
        sorted[i] = &process->pools[i];
    }
    qsort_r(sorted, process->n_pools, sizeof(sorted[0]), match_compare, (void *)(uintptr_t)by);
    return sorted;
}

static bool
process_has_ids(const struct process *process)
{
    for (size_t i = 0; i < process->n_pools; i++) {
        if (process->pools[i].id == MODEL_ABSENT) {
            return false;
        }
    }
    return true;
}

static struct match_order
match_order_of(const struct process *process, const struct process *earlier)
{
    bool by_id =
        process_is_same(process, earlier) && process_has_ids(process) && process_has_ids(earlier);

    return (struct match_order){by_id ? match_compare_ids : match_compare_names};
}

void
process_match(const struct process *process, const struct process *earlier, match_fn *match,
              void *arg)
{
    struct match_order by = match_order_of(process, earlier);
    struct pool **pools = process_pools_sorted(process, &by);
    struct pool **earlier_pools = process_pools_sorted(earlier, &by);
    size_t i = 0, j = 0;

    /* Equal ones stand by their places, so that the nth pool of a name meets the nth. */
    while (i < process->n_pools || j < earlier->n_pools) {
        int order = i == process->n_pools ? 1 : -1;

        if (i < process->n_pools && j < earlier->n_pools) {
            order = by.compare(pools[i], earlier_pools[j]);
        }
        match(order <= 0 ? pools[i] : NULL, order >= 0 ? earlier_pools[j] : NULL, arg);
        i += order <= 0;
        j += order >= 0;
    }
    free(pools);
    free(earlier_pools);
}

static void
match_rate(struct pool *pool, struct pool *earlier, void *seconds)
{
    if (pool != NULL) {
        pool_rate(pool, earlier, *(const double *)seconds);
    }
}

void
process_rate_since(struct process *process, const struct process *earlier)
{
    double seconds = process_seconds_since(process, earlier);

    process_match(process, earlier, match_rate, &seconds);
}

void
process_add_up(const struct process *process, struct pool *sum)
{
    for (size_t i = 0; i < process->n_chosen; i++) {
        pool_add(sum, process->rows[i]);
    }
}

bool
process_is_same(const struct process *a, const struct process *b)
{
    bool believed = !a->from_socket || (a->verified && b->verified);

    if (a->pid != b->pid || a->start_time != b->start_time || a->peer_pid != b->peer_pid) {
        return false;
    }
    return (believed && a->start_time != MODEL_ABSENT) || strcmp(a->origin, b->origin) == 0;
}

void
process_free_entries(struct process *process)
{
    for (size_t i = 0; i < process->n_holdings; i++) {
        holding_free(&process->holdings[i]);
    }
    free(process->holdings);
    for (size_t i = 0; i < process->n_pools; i++) {
        free(process->pools[i].history);
    }
    free(process->checks);
    free(process->pools);
    free(process->rows);
    process->holdings = NULL;
    process->checks = NULL;
    process->pools = NULL;
    process->rows = NULL;
    process->n_holdings = process->n_checks = process->n_pools = process->n_rows = 0;
}

void
process_free_all(struct process *process)
{
    process_free_entries(process);
    pages_free(&process->strings);
    free(process->served);
    free(process->origin);
    free(process->user);
}

void
process_free(struct process *process)
{
    if (process != NULL && process->n_more_reports > 0) {
        process->n_more_reports--;
    } else if (process != NULL) {
        process_free_all(process);
        free(process);
    }
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
report_share(struct report *report, struct process *process)
{
    process->n_more_reports++;
    report_keep(report, process);
}

bool
report_miss(struct report *report, const struct unread *unread)
{
    size_t n = 0;

    report->n_missed++;
    for (size_t i = 0; i < report->n_unread; i++) {
        n += report->unread[i].user == unread->user;
    }
    if (n >= MODEL_MAX_UNREAD) {
        return false;
    }
    report->unread = alloc_array(report->unread, report->n_unread + 1, sizeof(*unread));
    report->unread[report->n_unread] = *unread;
    report->unread[report->n_unread++].path = alloc_copy(unread->path);
    return true;
}

bool
report_misses(const struct report *report, const char *path)
{
    for (size_t i = 0; i < report->n_unread; i++) {
        if (strcmp(report->unread[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

void
report_select(struct report *report, const struct choice *choice)
{
    size_t n_shown = 0;

    for (size_t i = 0; i < report->n_shown; i++) {
        struct process *process = report->processes[i];

        process_select(process, choice);
        if (choice->n_globs == 0 || process->n_rows > 0) {
            report->processes[i] = report->processes[n_shown];
            report->processes[n_shown++] = process;
        }
    }
    report->n_shown = n_shown;
}

void
report_clear(struct report *report)
{
    for (size_t i = 0; i < report->n_processes; i++) {
        process_free(report->processes[i]);
    }
    for (size_t i = 0; i < report->n_unread; i++) {
        free(report->unread[i].path);
    }
    free(report->unread);
    free(report->processes);
    absent_clear(&report->absent);
    *report = (struct report){0};
}
