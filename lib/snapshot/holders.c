/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/holders.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/proc.h"
#include "check/track.h"
#include "snapshot/origin.h"
#include "snapshot/process.h"

/* Gets that have something in common lie side by side once they are sorted. */
struct run {
    struct trace_end *gets;
    size_t n;
};

struct runs {
    struct run *list;
    size_t n;
};

static int
holders_order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* By call site, the oldest first. */
static int
holders_compare_sites(const void *a, const void *b)
{
    const struct trace_end *one = a;
    const struct trace_end *two = b;
    int order = holders_order(one->caller, two->caller);

    return order != 0 ? order : holders_order(one->us, two->us);
}

static int
holders_compare_threads(const void *a, const void *b)
{
    const struct trace_end *one = a;
    const struct trace_end *two = b;

    return holders_order(one->thread, two->thread);
}

static bool
holders_same_site(const struct trace_end *one, const struct trace_end *two)
{
    return one->caller == two->caller;
}

static bool
holders_same_thread(const struct trace_end *one, const struct trace_end *two)
{
    return one->thread == two->thread;
}

/* The longest first; of equal ones that with the lower address, so that the order is certain. */
static int
holders_compare_runs(const void *a, const void *b)
{
    const struct run *one = a;
    const struct run *two = b;
    int order = holders_order(two->n, one->n);

    return order != 0 ? order : holders_order((uintptr_t)one->gets, (uintptr_t)two->gets);
}

/* Sorts gets and cuts them into runs. No memory: no runs. */
static struct runs
holders_cut(struct run all, int (*compare)(const void *, const void *),
            bool (*same)(const struct trace_end *, const struct trace_end *))
{
    struct runs runs = {calloc(all.n + 1, sizeof(struct run)), 0};

    if (runs.list == NULL) {
        return runs;
    }
    qsort(all.gets, all.n, sizeof(*all.gets), compare);
    for (size_t i = 0; i < all.n; i++) {
        if (i == 0 || !same(&all.gets[i - 1], &all.gets[i])) {
            runs.list[runs.n++].gets = &all.gets[i];
        }
        runs.list[runs.n - 1].n++;
    }
    qsort(runs.list, runs.n, sizeof(*runs.list), holders_compare_runs);
    return runs;
}

/* The main thread, once it has ended before the others, is still listed: as a zombie. */
static bool
holders_thread_is_alive(uint32_t thread)
{
    char path[sizeof("/proc/self/task//stat") + 10];
    char stat[PROCESS_STAT_MAX];

    snprintf(path, sizeof(path), "/proc/self/task/%u/stat", thread);
    return proc_read(path, stat, sizeof(stat)) && process_stat_is_alive(stat);
}

/* Sorts the site's gets anew, so what needs their order has come before. */
static void
holders_write_threads(struct json *json, const struct run *site)
{
    struct runs threads = holders_cut(*site, holders_compare_threads, holders_same_thread);

    json_key(json, "threads");
    json_open(json, '[');
    for (size_t i = 0; i < threads.n; i++) {
        uint32_t thread = threads.list[i].gets[0].thread;

        json_open(json, '{');
        json_key_u64(json, "tid", thread);
        json_key_u64(json, "count", threads.list[i].n);
        json_key(json, "alive");
        json_bool(json, holders_thread_is_alive(thread));
        json_close(json, '}');
    }
    json_close(json, ']');
    free(threads.list);
}

static void
holders_write_site(struct json *json, const struct run *site, uint64_t now_us)
{
    json_open(json, '{');
    origin_write(json, site->gets[0].caller);
    json_key_u64(json, "count", site->n);
    json_key_u64(json, "oldest_us", now_us - site->gets[0].us);
    json_key_u64(json, "median_us", now_us - site->gets[site->n / 2].us);
    holders_write_threads(json, site);
    json_close(json, '}');
}

static void
holders_write_sites(struct json *json, struct run all)
{
    struct runs sites = holders_cut(all, holders_compare_sites, holders_same_site);
    uint64_t now_us = clock_steady_us();

    for (size_t i = 0; i < sites.n; i++) {
        holders_write_site(json, &sites.list[i], now_us);
    }
    free(sites.list);
}

void
holders_write(struct json *json, const struct visit_holders *holders)
{
    json_key_u64(json, "block_size", holders->block_size);
    json_key_u64(json, "num_blocks", holders->num_blocks);
    json_key_u64(json, "out", holders->n_out);
    json_key(json, "tracked");
    json_bool(json, holders->tracked);
    json_key(json, "sites");
    json_open(json, '[');
    if (holders->tracked) {
        holders_write_sites(json, (struct run){holders->gets, holders->n_out});
    }
    json_close(json, ']');
}
