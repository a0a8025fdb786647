/* SPDX-License-Identifier: Apache-2.0 */
/*
 * osmempool-bench: measures the pool beside malloc and beside what cannot be beaten.
 *
 * The parent reads the command line, starts a worker process for each contestant of a case
 * (worker.h), lets them work in turn (run.h), and reports (table.h, json.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "die.h"
#include "json.h"
#include "run.h"
#include "table.h"
#include "targets.h"
#include "worker.h"

static int
measure(struct report *report, const struct options *options)
{
    bool good;

    table_head(report);
    fflush(stdout);
    good = run_all(report, options);
    if (report->n_results == 0) {
        die("no case fits; --list tells their names");
    }
    if (options->targets) {
        targets_print(report);
    } else {
        table_print(report);
    }
    if (options->json_path != NULL) {
        good = json_write(report, options->json_path) && good;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    struct report report = {.locking = BENCH_LOCKING};
    struct options options;
    int status = EXIT_SUCCESS;

    /* How the parent starts its workers; not for users. */
    if (argc == 4 && strcmp(argv[1], "--worker") == 0) {
        return worker_run(argv[2], argv[3]);
    }
    options_read(&options, argc, argv);
    /* A worker that died is a failed answer, not the parent's death. */
    signal(SIGPIPE, SIG_IGN);
    report.n_rounds = options.n_rounds;
    report.round_ms = options.round_ms;
    run_probe(&report);
    if (options.list) {
        table_list(&report);
    } else {
        status = measure(&report, &options);
    }
    report_free(&report);
    free(options.globs);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        die("cannot write to standard output");
    }
    return status;
}
