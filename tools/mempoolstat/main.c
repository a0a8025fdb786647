/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mempoolstat: shows the memory pools of running programs.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "clock.h"
#include "collect.h"
#include "message.h"
#include "options.h"
#include "output.h"

/* Says which POOL-GLOBs have matched nothing; returns whether there are any. */
static bool
globs_complain(const struct choice *choice)
{
    bool any = false;

    for (size_t i = 0; i < choice->n_globs; i++) {
        if (!choice->matched[i]) {
            message_print("no pool matches '%s'", choice->globs[i]);
            any = true;
        }
    }
    return any;
}

/* Chooses the rows of every process; where there are POOL-GLOBs, one without rows is not shown. */
static void
report_select(struct report *report, const struct choice *choice)
{
    size_t n_shown = 0;

    for (size_t i = 0; i < report->n_shown; i++) {
        struct process *process = report->processes[i];

        process_select(process, choice);
        if (choice->n_globs == 0 || process->n_rows > 0) {
            report->processes[i] = report->processes[n_shown];
            report->processes[n_shown++] = process;
        }
    }
    report->n_shown = n_shown;
}

/* Prints a report; number is 0 for the first. Returns an exit status. */
static int
report_print(const struct options *options, struct report *report, long number)
{
    FILE *out;

    report_select(report, &options->choice);
    if (number == 0 && globs_complain(&options->choice) && report->n_shown == 0) {
        return EXIT_NOTHING;
    }
    out = output_begin();
    if (collect_has_rows(options, report)) {
        if (number > 0 && options->render != render_json) {
            fputc('\n', out);
        }
        options->render(out, report);
    }
    return output_finish(out);
}

/* Reports again and again. Returns an exit status. */
static int
reports_run(const struct options *options)
{
    struct report earlier = {0}, report = {0};
    long n_reports = options->delay_ns == 0 ? 1 : options->count;
    int64_t next_ns = clock_now_ns();
    int status = EXIT_FINE;

    if (options->delay_ns > 0) {
        clock_catch_interrupt();
    }
    for (long i = 0; (n_reports == 0 || i < n_reports) && !clock_was_interrupted(); i++) {
        if (!collect_report(options, i > 0 ? &earlier : NULL, &report)) {
            status = EXIT_NOTHING;
            break;
        }
        status = report_print(options, &report, i);
        if (status != EXIT_FINE) {
            break;
        }
        report_clear(&earlier);
        earlier = report;
        report = (struct report){0};
        if (i + 1 != n_reports) {
            int64_t now_ns = clock_now_ns();

            next_ns += options->delay_ns;
            next_ns = next_ns > now_ns ? next_ns : now_ns;
            clock_wait_until(next_ns);
        }
    }
    report_clear(&earlier);
    report_clear(&report);
    return status;
}

static int
options_run_report(const struct options *options)
{
    int status = reports_run(options);

    for (size_t i = 0; i < options->choice.n_globs; i++) {
        status = options->choice.matched[i] ? status : EXIT_NOTHING;
    }
    return status;
}

static int
options_run_help(const struct options *options)
{
    FILE *out = output_begin();

    options_print_help(out);
    return output_finish(out);
}

static int
options_run_version(const struct options *options)
{
    FILE *out = output_begin();

    fputs("mempoolstat " MEMPOOLSTAT_VERSION "\n", out);
    return output_finish(out);
}

static int (*const actions[])(const struct options *options) = {
    [ACTION_REPORT] = options_run_report,
    [ACTION_HELP] = options_run_help,
    [ACTION_VERSION] = options_run_version,
};

int
main(int argc, char **argv)
{
    struct options options;
    int status = EXIT_USAGE;

    output_occupy_streams();
    /* For the width of characters only: numbers look the same everywhere. */
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    if (options_read(&options, argc, argv)) {
        int closed;

        status = actions[options.action](&options);
        closed = output_close();
        status = closed != EXIT_FINE ? closed : status;
    } else {
        fputs("Try 'mempoolstat --help'\n", stderr);
    }
    options_free(&options);
    return status;
}
