/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.h: what is measured: one row per case, in the order of the report.
 */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include <stdbool.h>
#include <stdint.h>

enum case_kind {
    CASE_PAIRS,      /**< get and put in the same thread, a window of live blocks */
    CASE_HANDOVER,   /**< one thread gets, another puts; at most live blocks on the way */
    CASE_LATENCY,    /**< each call on its own; answers percentiles */
    CASE_INIT,       /**< forms a pool of live blocks */
    CASE_REGISTER,   /**< registers live pools */
    CASE_UNREGISTER, /**< unregisters live pools */
    CASE_SNAPSHOT,   /**< another process reads a snapshot of so many pools */
    CASE_READER,     /**< pairs while another process reads snapshots, over pairs while none does */
    CASE_SUCCESSION, /**< one thread owns, then another: how soon that is as fast */
};

struct bench_case {
    const char *name;   /**< for --case; unique */
    const char *group;  /**< heading; cases in a row with the same one share a table */
    const char *column; /**< heading of the column */
    const char *unit;   /**< what one figure is */
    enum case_kind kind;
    uint32_t block_bytes;
    uint32_t live;       /**< window of a thread, or number of blocks or pools */
    uint32_t depth;      /**< of thread caches; 0: contestants with caches stay away */
    uint32_t pools;      /**< registered beside the one that is used, for the reader */
    uint32_t hz;         /**< snapshots a second */
    uint32_t rounds_max; /**< slow: never more rounds; 0 for as many as wanted */
    uint32_t threads;
    uint32_t cpus; /**< pins the threads to so many CPUs; 0 for no pinning */
    bool shared;   /**< all threads use one pool; else each has its own */
    bool shuffled; /**< blocks are put in a shuffled order; else in the order of their gets */
    bool tight;    /**< the pool has no block to spare: the last get of a window empties it */
    bool debug;    /**< for the contestants under debug words, beside the pool itself */
    bool quick;    /**< part of --quick */
    bool headline; /**< gets a row in the summary */
    bool idler;    /**< the process has a further thread, which sleeps */
};

extern const struct bench_case bench_cases[];
extern const uint32_t n_bench_cases;

/** The case of that name, or NULL. */
const struct bench_case *cases_find(const char *name);

#endif
