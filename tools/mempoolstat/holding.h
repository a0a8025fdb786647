/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holding.h: who holds the blocks of a pool: its blocks that are out, by the place that took them.
 */
#ifndef MEMPOOLSTAT_HOLDING_H
#define MEMPOOLSTAT_HOLDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"

struct site_thread {
    int64_t tid, count;
    bool alive;
};

/* A place in a program, as far as it is known. */
struct call_site {
    const char *module, *function; /* or NULL */
    uint64_t address, offset;      /* inside the call; offset: in the module */
    bool has_address, has_offset;
    /* What was looked up and found; or NULL. */
    char *line;   /* "file:line" */
    char *symbol; /* the name of the function, for one that the document does not know */
};

/* A place that took blocks which are still out. */
struct site {
    struct call_site call;
    int64_t count, oldest_us, median_us; /* ages: MODEL_ABSENT if not known */
    struct site_thread *threads;
    size_t n_threads;
};

struct holding {
    const char *name;
    int64_t block_size, num_blocks, out; /* the first two may be MODEL_ABSENT */
    int64_t id, registered_time;         /* of the registration; likewise */
    struct call_site registered_by;
    bool tracked;
    struct site *sites; /* largest count first */
    size_t n_sites;
    struct span text;
};

/** How it is read. */
extern const struct record holding_record;

/** Frees what a holding has, also one that was not read to its end. */
void holding_free(struct holding *holding);

#endif
