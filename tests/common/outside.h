/* SPDX-License-Identifier: Apache-2.0 */
/* outside.h: what can be seen of a program from outside: its memory, and what it says. */
#ifndef OSMP_TESTS_OUTSIDE_H
#define OSMP_TESTS_OUTSIDE_H

#include <unistd.h>

#include <sys/mman.h>

#include "common/check.h"

/* Whether an address can be read: the kernel says so. */
static inline bool
is_readable(const void *at)
{
    int pipes[2];
    bool readable;

    assert_int_equal(pipe(pipes), 0);
    readable = write(pipes[1], at, 1) == 1;
    close(pipes[0]);
    close(pipes[1]);
    return readable;
}

enum { SAID_MAX = 8192 };

/* Standard error, while it goes to a file. */
struct said {
    int file;
    int before;
    char text[SAID_MAX];
};

static inline void
said_begin(struct said *said)
{
    fflush(stderr);
    said->file = memfd_create("said", 0);
    said->before = dup(STDERR_FILENO);
    assert_true(said->file >= 0 && said->before >= 0);
    assert_int_equal(dup2(said->file, STDERR_FILENO), STDERR_FILENO);
}

/* What was written to it since said_begin(). */
static inline const char *
said_end(struct said *said)
{
    ssize_t n;

    fflush(stderr);
    assert_int_equal(dup2(said->before, STDERR_FILENO), STDERR_FILENO);
    n = pread(said->file, said->text, SAID_MAX - 1, 0);
    assert_true(n >= 0);
    said->text[n] = '\0';
    close(said->before);
    close(said->file);
    return said->text;
}

#endif
