/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h: the command line. One table feeds getopt_long() and --help.
 */
#ifndef MEMPOOLSTAT_OPTIONS_H
#define MEMPOOLSTAT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "address.h"
#include "judge.h"
#include "model.h"
#include "render.h"

enum action {
    ACTION_REPORT,
    ACTION_TOP,
    ACTION_DIFF,
    ACTION_LISTEN,
    ACTION_HELP,
    ACTION_VERSION,
};

struct options {
    enum action action;
    enum document_kind kind; /* what processes are asked for */
    const char *file;        /* read instead of asking processes; NULL: ask */
    const char *file_new;    /* ACTION_DIFF: what file is compared with */
    const char **sockets;
    size_t n_sockets;
    pid_t *pids;
    size_t n_pids;
    int64_t delay_ns; /* 0: not given */
    long count;       /* 0: not given */
    render_fn *render;
    struct choice choice;
    struct limits limits;
    struct address address; /* ACTION_LISTEN: where */
};

/**
 * Reads the command line.
 *
 * @return  true on success; false after a message about what is wrong with it.
 */
bool options_read(struct options *options, int argc, char **argv);

void options_print_help(FILE *out);

void options_free(struct options *options);

#endif
