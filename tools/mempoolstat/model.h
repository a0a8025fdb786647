/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h: what a report is about: processes and their pools, as numbers. Which of the pools are
 * shown, in which order, and how fast they turn over.
 */
#ifndef MEMPOOLSTAT_MODEL_H
#define MEMPOOLSTAT_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "absent.h"

/* An optional number that the document does not have. */
#define MODEL_ABSENT (-1)

struct pool {
    const char *name; /* the document's */
    int64_t block_size, num_blocks, num_free, min_free;
    int64_t num_cached, gets, puts, failed; /* MODEL_ABSENT or a count */
    int64_t adjust, refused, failed_time, min_time;
    bool stale;      /* the numbers changed while they were read */
    double get_rate; /* per second; negative: not known */
    double put_rate; /* likewise */
    size_t index;    /* place in the document */
};

/* One process, at one moment. */
struct process {
    json_t *json; /* the document with all its fields; the strings below are its */
    char *served; /* the document byte by byte, or NULL where it was part of an array */
    char *origin; /* path that it came from, NUL-terminated */
    char *user;   /* who runs the process, or NULL */
    const char *program, *version, *locking; /* or NULL */
    int64_t pid, start_time, time;           /* times: microseconds since 1970 or MODEL_ABSENT */
    int64_t received_ns;                     /* of the monotonic clock */
    struct pool *pools;
    size_t n_pools;
    struct pool **rows; /* the pools to show, in order */
    size_t n_rows;
    bool whole; /* rows is every pool, in the order of the document */
};

/* The processes that a report shows, and behind them those kept for the next report's rates. */
struct report {
    struct process **processes;
    size_t n_shown, n_processes;
    struct absent_list absent;
};

/* A value to sort by; doubles hold counts up to 2^53 exactly, which is enough for an order. */
struct sort_key {
    const char *name;
    bool largest_first;
    double (*value)(const struct pool *pool); /* NULL: by name */
};

struct choice {
    char *const *globs; /* none: every pool */
    size_t n_globs;
    bool *matched;              /* one per glob: it has matched a pool; set, never cleared */
    const struct sort_key *key; /* NULL: order of the document */
    bool reverse;
    size_t max_rows; /* per process; 0: no limit */
};

/** The key of that name, or NULL. */
const struct sort_key *sort_key_find(const char *name);

/** Used blocks of a pool. */
int64_t pool_used(const struct pool *pool);

/** Fills rows with what the choice leaves of the pools, in its order. */
void process_select(struct process *process, const struct choice *choice);

/** Rates on average since the process started. */
void process_rate_since_start(struct process *process);

/** Rates since an earlier document of the same process. */
void process_rate_since(struct process *process, const struct process *earlier);

/** Whether both documents are of one process. */
bool process_is_same(const struct process *a, const struct process *b);

void process_free(struct process *process);

/** Adds a process to those shown. None may have been kept yet. */
void report_show(struct report *report, struct process *process);

/** Adds a process, not shown. */
void report_keep(struct report *report, struct process *process);

/** The document of the same process in a report, or NULL. */
struct process *report_find(const struct report *report, const struct process *process);

/** Frees all of it, and leaves an empty report. */
void report_clear(struct report *report);

#endif
