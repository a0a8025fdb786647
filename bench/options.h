/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h: the command line.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    bool quick;
    bool list;
    bool targets; /**< only the cases that the targets need; print their table only */
    uint32_t n_rounds;
    uint32_t round_ms;
    uint32_t threads;      /**< cases with more threads are left out */
    const char *json_path; /**< NULL for none */
    const char **globs;    /**< n_globs patterns of case names */
    uint32_t n_globs;
};

/**
 * Reads the command line; prints what is wrong, or help or version, and exits where that is due.
 * The globs point into argv; the array is to be freed.
 */
void options_read(struct options *options, int argc, char **argv);

/** Whether a case of that name, number of threads and quickness is to be run. */
bool options_want(const struct options *options, const char *name, uint32_t threads, bool quick);

#endif
