/* SPDX-License-Identifier: Apache-2.0 */
/*
 * absent.h: processes that a report knows of but cannot show the pools of.
 */
#ifndef MEMPOOLSTAT_ABSENT_H
#define MEMPOOLSTAT_ABSENT_H

#include <stddef.h>

#include "answer.h"

struct absent {
    /* "stopped" by a signal, "traced" by a debugger, or "silent"; of those that have left no more
     * than a socket "died", or "closed" if the process lives. */
    const char *state;
    long pid; /* 0: not known */
    char *user;
    char *program; /* NULL: not known */
    char *origin;  /* path of its socket */
};

struct absent_list {
    struct absent *absents;
    size_t n_absents, n_stopped; /* the stopped ones come first */
};

/** Adds who should have answered, unless nobody is known to be there. user is taken over. */
void absent_add(struct absent_list *list, const struct answer *answer, char *user);

/** Frees all of it, and leaves an empty list. */
void absent_clear(struct absent_list *list);

#endif
