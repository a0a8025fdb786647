/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mempoolstat: shows the memory pools of running programs.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "client.h"
#include "clock.h"
#include "collect.h"
#include "difference.h"
#include "judge.h"
#include "listen.h"
#include "message.h"
#include "options.h"
#include "output.h"
#include "top.h"

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

/* Prints a report; number is 0 for the first. Returns an exit status. */
static int
report_print(const struct options *options, struct report *report, long number)
{
    FILE *out;

    report->number = number;
    report->repeats = options->delay_ns > 0;
    report->limits = judge_limits(&options->limits);
    report_select(report, &options->choice);
    if (number == 0 && globs_complain(&options->choice) && report->n_shown == 0) {
        return EXIT_NOTHING;
    }
    out = output_begin();
    if (collect_has_rows(options, report)) {
        if (number > 0 && options->render != render_json && options->render != render_csv) {
            fputc('\n', out);
        }
        options->render(out, report);
    }
    return output_finish(out);
}

/* Prints a report and judges it; worst is the exit status so far. Returns whether to go on. */
static bool
report_show_and_judge(const struct options *options, struct report *report, long number, int *worst)
{
    int status = report_print(options, report, number);

    *worst = judge_worse(*worst, status);
    if (status == EXIT_FINE) {
        *worst = judge_worse(*worst, judge_report(&options->limits, report));
    }
    return status == EXIT_FINE;
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
            status = judge_worse(status, EXIT_NOTHING);
            break;
        }
        if (!report_show_and_judge(options, &report, i, &status)) {
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

/* What is known at the end only: a glob that has matched nothing, ever. */
static int
globs_judge(const struct options *options, int status)
{
    for (size_t i = 0; i < options->choice.n_globs; i++) {
        status = options->choice.matched[i] ? status : judge_worse(status, EXIT_NOTHING);
    }
    return status;
}

static int
options_run_report(const struct options *options)
{
    return globs_judge(options, reports_run(options));
}

static int
options_run_difference(const struct options *options)
{
    int status = difference_run(options);

    if (status == EXIT_FINE) {
        globs_complain(&options->choice);
    }
    return globs_judge(options, status);
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
    [ACTION_REPORT] = options_run_report,   [ACTION_TOP] = top_run,
    [ACTION_DIFF] = options_run_difference, [ACTION_LISTEN] = listen_run,
    [ACTION_HELP] = options_run_help,       [ACTION_VERSION] = options_run_version,
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
    client_raise_limit();
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
