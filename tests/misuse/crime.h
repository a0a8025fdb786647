/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crime.h: the one list of wrong uses, with what each must lead to.
 *
 * The rows stand beside their functions, in the files crimes_*.c. An answer is what test_misuse.py
 * makes of the lines that scene.h tells, joined by ", ":
 *
 *   error               the call returned its error
 *   fine                the call is legal
 *   a fault's kind      it was found, counted and reported; "at get" and so on: by a later call
 *   is_sane false       os_mempool_is_sane() tells, if asked
 *   lost                free blocks are lost until a clear: those that do not carry their mark, or
 *                       all behind a damaged link if blocks have no room for one
 *   trap                a signal at the instruction that did it
 *   silent              nothing was said, and nothing is wrong with the pool afterwards
 *   corrupt             a block was handed out twice, or memory changed that was not to change
 *   crash, hang         the process died or did not end
 */
#ifndef MISUSE_CRIME_H
#define MISUSE_CRIME_H

#include "scene.h"

/* The columns: the stock build, and the words of OSMEMPOOL_DEBUG. */
enum { COLUMN_STOCK, COLUMN_CHECK, COLUMN_POISON, COLUMN_CHECK_TRACK, COLUMN_FENCE, COLUMNS };

struct crime {
    const char *name;
    const char *text; /* what is done */
    void (*commit)(struct scene *s);
    unsigned kinds;      /* pools that it is committed on, each with the same outcome */
    unsigned ways;       /* ways to put, likewise; 0 if it is not about putting */
    const char *seen_by; /* the check that tests/misuse/mutants.py may delete */
    const char *answers[COLUMNS];
    const char *limit; /* why no word finds it; NULL for all that some word finds */
};

/* The answers of all columns; the same in all; and what is found by a put under check, by a get
 * under poison, and at once behind a fence. */
#define ANSWERS(...)                                                                               \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define ALWAYS(answer)               ANSWERS(answer, answer, answer, answer, answer)
#define FOUND(stock, at_put, at_get) ANSWERS(stock, at_put, at_get, at_put, "trap")

/* Rows: named for their function; with a name of their own; such that no word finds. */
#define CRIME(function, text, kinds, ways, seen_by, answers)                                       \
    CRIME_AS(function, function, text, kinds, ways, seen_by, answers)
#define CRIME_AS(name, function, text, kinds, ways, seen_by, ...)                                  \
    {                                                                                              \
#name, text, function, kinds, ways, seen_by, __VA_ARGS__, NULL                             \
    }
#define LIMIT(function, text, kinds, ways, answers, why)                                           \
    {                                                                                              \
#function, text, function, kinds, ways, NULL, answers, why                                 \
    }

/* Each ends with a row without a name. */
extern const struct crime crimes_init[];
extern const struct crime crimes_put[];
extern const struct crime crimes_write[];
extern const struct crime crimes_life[];
extern const struct crime crimes_callback[];
extern const struct crime crimes_thread[];

#endif
