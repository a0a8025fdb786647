/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "die.h"
#include "options.h"
#include "osmempool.h"

/* Short rounds fit between two of a busy machine's interruptions; many of them find the gaps. */
#define QUICK_ROUNDS 20
#define FULL_ROUNDS  100
#define ROUND_MS     3

static const char help[] =
    "Usage: osmempool-bench [OPTION]...\n"
    "Measures os_memblock_get and os_memblock_put beside malloc and free (glibc, and\n"
    "jemalloc, mimalloc and tcmalloc where they are installed) and beside the limit,\n"
    "a list without lock or check.\n"
    "\n"
    "  -q, --quick       the most important cases only, in less than 40 s\n"
    "  -T, --targets     what must be reached and what is aimed at: one table\n"
    "  -c, --case GLOB   only cases whose names match; may be given several times\n"
    "  -n, --rounds N    rounds of each case (default 100; with --quick 20)\n"
    "  -m, --ms N        milliseconds of a round (default 3)\n"
    "  -t, --threads N   leave out cases with more than N threads (default 8)\n"
    "  -j, --json FILE   write everything to FILE as JSON, too\n"
    "  -l, --list        list cases and contestants, measure nothing\n"
    "  -h, --help        this help\n"
    "  -V, --version     version\n"
    "\n"
    "How: each contestant runs in a process of its own; in each round every one of\n"
    "them works in turn, so that noise meets all alike. Shown are the minimum of all\n"
    "rounds and, in parentheses, the median. Ratios are of minima, but of medians\n"
    "where threads share a pool: there the minimum is the round in which they\n"
    "happened to run one after the other. Rounds whose threads had to wait for a CPU\n"
    "are left out if three others remain. Compare figures of one run only.\n"
    "\n"
    "What a pair is: a thread gets as many blocks as the case has live, writes a word\n"
    "to each, and then puts them all, in the order in which it got them; in cases\n"
    "named shuffled/* in a fixed shuffled order. In handover/* one thread gets and\n"
    "another puts, with batches of 32 pointers between them.\n"
    "\n"
    "Exit status: 0 done, 1 something failed, 64 usage.\n";

__attribute__((noreturn)) static void
usage(void)
{
    fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
    exit(EX_USAGE);
}

static uint32_t
read_number(const char *option, const char *text)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || *text < '0' || *text > '9' || value == 0 || value > 1000000) {
        fprintf(stderr, "%s: %s needs a number from 1 to 1000000, not '%s'\n",
                program_invocation_short_name, option, text);
        usage();
    }
    return (uint32_t)value;
}

__attribute__((noreturn)) static void
print_and_exit(const char *text)
{
    fputs(text, stdout);
    if (fflush(stdout) != 0) {
        die("cannot write to standard output");
    }
    exit(EXIT_SUCCESS);
}

static void
options_take(struct options *options, int letter, const char *value)
{
    switch (letter) {
    case 'q':
        options->quick = true;
        break;
    case 'T':
        options->targets = true;
        break;
    case 'c':
        options->globs[options->n_globs++] = value;
        break;
    case 'n':
        options->n_rounds = read_number("--rounds", value);
        break;
    case 'm':
        options->round_ms = read_number("--ms", value);
        break;
    case 't':
        options->threads = read_number("--threads", value);
        break;
    case 'j':
        options->json_path = value;
        break;
    case 'l':
        options->list = true;
        break;
    case 'h':
        print_and_exit(help);
    case 'V':
        print_and_exit("osmempool-bench " OSMEMPOOL_VERSION_STRING "\n");
    default:
        usage();
    }
}

void
options_read(struct options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        {"quick", no_argument, NULL, 'q'},
        {"case", required_argument, NULL, 'c'},
        {"rounds", required_argument, NULL, 'n'},
        {"ms", required_argument, NULL, 'm'},
        {"threads", required_argument, NULL, 't'},
        {"json", required_argument, NULL, 'j'},
        {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"targets", no_argument, NULL, 'T'},
        {NULL, 0, NULL, 0},
    };
    int letter;

    *options = (struct options){.threads = 8};
    options->globs = die_calloc((unsigned long)argc, sizeof(*options->globs));
    while ((letter = getopt_long(argc, argv, "qTc:n:m:t:j:lhV", longs, NULL)) != -1) {
        options_take(options, letter, optarg);
    }
    if (optind < argc) {
        fprintf(stderr, "%s: what is '%s'? Cases are chosen with --case.\n",
                program_invocation_short_name, argv[optind]);
        usage();
    }
    if (options->n_rounds == 0) {
        options->n_rounds = options->quick ? QUICK_ROUNDS : FULL_ROUNDS;
    }
    if (options->round_ms == 0) {
        options->round_ms = ROUND_MS;
    }
}

bool
options_want(const struct options *options, const char *name, uint32_t threads, bool quick)
{
    if (threads > options->threads || (options->quick && !quick)) {
        return false;
    }
    for (uint32_t i = 0; i < options->n_globs; i++) {
        if (fnmatch(options->globs[i], name, 0) == 0) {
            return true;
        }
    }
    return options->n_globs == 0;
}
