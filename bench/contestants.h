/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contestants.h: who is measured: one row per contestant, in the order of the report.
 */
#ifndef BENCH_CONTESTANTS_H
#define BENCH_CONTESTANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cases.h"
#include "engine.h"

enum contestant_role {
    ROLE_POOL,    /**< this library: gets the ratios */
    ROLE_VARIANT, /**< this library in another way: gets the ratios, but wins nothing */
    ROLE_DEBUG,   /**< the pool under a debug word: is compared with itself without */
    ROLE_LIMIT,   /**< what cannot be beaten: the bare list */
    ROLE_LOCK,    /**< what a locked pool cannot beat: the bare list in a lock */
    ROLE_MALLOC,  /**< a rival */
    ROLE_PEER,    /**< of the same kind as this library, for one case */
    ROLE_TOUCH,   /**< a hand-over without an allocator: no ratios, it may well be beaten */
    ROLE_CLOCK,   /**< what the clock adds to a latency */
};

struct contestant {
    const char *name;
    enum contestant_role role;
    const struct engine *engine;
    /** Whether it takes part in a case that its engine can run; NULL for any. */
    bool (*fits)(const struct bench_case *what);
    /** Whether its preloaded library is there, asked in its process; NULL for yes. */
    bool (*here)(void);
    const char *help;     /**< one line for --list */
    const char *preload;  /**< library that brings malloc, for LD_PRELOAD; NULL for none */
    const char *provider; /**< how the file begins that malloc must come from; NULL for any */
    const char *package;  /**< Debian's package of that library */
    const char *words;    /**< OSMEMPOOL_DEBUG in its process; NULL for none */
    const char *locking;  /**< only for a library built with this -Dlocking; NULL for any */
};

extern const struct contestant contestants[];
#define N_CONTESTANTS_MAX 24
extern const uint32_t n_contestants;

/** The contestant of that name, or NULL. */
const struct contestant *contestants_find(const char *name);

/** Whether a contestant can run a case at all. */
bool contestants_can(const struct contestant *who, const struct bench_case *what);

/** Name of the library file that malloc comes from in this process; "" if that cannot be told. */
const char *contestants_malloc_provider(void);

#endif
