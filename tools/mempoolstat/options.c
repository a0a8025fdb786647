/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "message.h"
#include "request.h"

#define COUNT_OF(array)     (sizeof(array) / sizeof((array)[0]))
#define OPTIONS_MAX_SECONDS 1000000
#define OPTIONS_MAX_NUMBER  1000000000

/*
 * What takes an option's argument (NULL for an option without). Returns NULL, or what would have
 * been right.
 */
typedef const char *option_fn(struct options *options, const char *argument);

/* A decimal number from 1 to the limit, or 0. */
static long
number_read(const char *text, long limit)
{
    long number;

    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0') {
        return 0;
    }
    errno = 0;
    number = strtol(text, NULL, 10);
    return errno == 0 && number <= limit ? number : 0;
}

static const char *
take_pid(struct options *options, const char *argument)
{
    long pid = number_read(argument, INT32_MAX);

    if (pid == 0) {
        return "needs the number of a process";
    }
    for (size_t i = 0; i < options->n_pids; i++) {
        if (options->pids[i] == (pid_t)pid) {
            return NULL;
        }
    }
    options->pids = alloc_array(options->pids, options->n_pids + 1, sizeof(pid_t));
    options->pids[options->n_pids++] = (pid_t)pid;
    return NULL;
}

static const char *
take_socket(struct options *options, const char *argument)
{
    if (argument[0] == '\0') {
        return "needs the path of a socket";
    }
    options->sockets = alloc_array(options->sockets, options->n_sockets + 1, sizeof(char *));
    options->sockets[options->n_sockets++] = argument;
    return NULL;
}

static const char *
take_file(struct options *options, const char *argument)
{
    if (argument[0] == '\0') {
        return "needs the path of a file, or - for standard input";
    }
    options->file = argument;
    return NULL;
}

static const char *
take_list(struct options *options, const char *argument)
{
    options->render = render_list;
    return NULL;
}

static const char *
take_delay(struct options *options, const char *argument)
{
    char *end = NULL;
    double seconds = 0;

    if (argument[0] != '\0' && argument[strspn(argument, "0123456789.")] == '\0') {
        seconds = strtod(argument, &end);
    }
    if (end == NULL || *end != '\0' || seconds < 0.001 || seconds > OPTIONS_MAX_SECONDS) {
        return "needs seconds, from 0.001 to 1000000";
    }
    options->delay_ns = (int64_t)(seconds * 1e9);
    return NULL;
}

static const char *
take_count(struct options *options, const char *argument)
{
    options->count = number_read(argument, OPTIONS_MAX_NUMBER);
    return options->count > 0 ? NULL : "needs a number of reports, from 1 to 1000000000";
}

static const char *
take_top(struct options *options, const char *argument)
{
    options->action = ACTION_TOP;
    return NULL;
}

static const char *
take_sort(struct options *options, const char *argument)
{
    options->choice.key = sort_key_find(argument);
    return options->choice.key != NULL ? NULL : "needs one of name size cnt free min use fail rate";
}

static const char *
take_reverse(struct options *options, const char *argument)
{
    options->choice.reverse = true;
    return NULL;
}

static const char *
take_rows(struct options *options, const char *argument)
{
    options->choice.max_rows = (size_t)number_read(argument, OPTIONS_MAX_NUMBER);
    return options->choice.max_rows > 0 ? NULL : "needs a number of rows, from 1 to 1000000000";
}

static const char *
take_mynewt(struct options *options, const char *argument)
{
    options->render = render_mynewt;
    return NULL;
}

static const char *
take_json(struct options *options, const char *argument)
{
    options->render = render_json;
    return NULL;
}

static const char *
take_csv(struct options *options, const char *argument)
{
    options->render = render_csv;
    return NULL;
}

static const char *
take_holders(struct options *options, const char *argument)
{
    options->kind = DOCUMENT_HOLDERS;
    options->render = options->render == render_table ? render_holders : options->render;
    return NULL;
}

static const char *
take_check(struct options *options, const char *argument)
{
    options->kind = DOCUMENT_CHECKS;
    options->render = options->render == render_table ? render_checks : options->render;
    return NULL;
}

static const char *
take_reset_min(struct options *options, const char *argument)
{
    options->kind = DOCUMENT_RESET;
    options->render = options->render == render_table ? render_reset : options->render;
    return NULL;
}

static const char *
take_diff(struct options *options, const char *argument)
{
    if (argument[0] == '\0') {
        return "needs the paths of two files; one may be - for standard input";
    }
    options->action = ACTION_DIFF;
    options->file = argument;
    return NULL;
}

static const char *
take_diff_new(struct options *options, const char *argument)
{
    if (argument[0] == '\0') {
        return "needs the paths of two files; one may be - for standard input";
    }
    if (strcmp(argument, "-") == 0 && strcmp(options->file, "-") == 0) {
        return "needs two files, of which only one can be standard input";
    }
    options->file_new = argument;
    return NULL;
}

/* A share of blocks in percent. */
static const char *
percent_read(const char *text, double *percent)
{
    char *end = NULL;

    if (text[0] != '\0' && text[strspn(text, "0123456789.")] == '\0') {
        *percent = strtod(text, &end);
    }
    if (end == NULL || *end != '\0' || *percent <= 0 || *percent > 100) {
        return "needs a percentage, above 0 and up to 100";
    }
    return NULL;
}

static const char *
take_warn_free(struct options *options, const char *argument)
{
    return percent_read(argument, &options->limits.warn_free);
}

static const char *
take_crit_free(struct options *options, const char *argument)
{
    return percent_read(argument, &options->limits.crit_free);
}

static const char *
take_openmetrics(struct options *options, const char *argument)
{
    options->render = render_openmetrics;
    return NULL;
}

static const char *
take_listen(struct options *options, const char *argument)
{
    options->action = ACTION_LISTEN;
    return address_read(argument, &options->address)
               ? NULL
               : "needs an address and a port, as 127.0.0.1:9750, [::1]:9750 or :9750";
}

static const char *
take_help(struct options *options, const char *argument)
{
    options->action = ACTION_HELP;
    return NULL;
}

static const char *
take_version(struct options *options, const char *argument)
{
    options->action = ACTION_VERSION;
    return NULL;
}

struct option_row {
    char letter; /* a digit stands for an option that has a name only */
    const char *name;
    const char *argument; /* its name in --help; NULL: none */
    option_fn *take;
    const char *excludes; /* letters that cannot stand beside this one; each pair once */
    const char *help;
};

static const struct option_row option_rows[] = {
    {'p', "pid", "PID", take_pid, "Sf", "only this process (may be repeated)"},
    {'S', "socket", "PATH", take_socket, "f", "the process at this socket (may be repeated)"},
    {'f', "file", "FILE", take_file, "dc", "read what -j has written; - is standard input"},
    {'l', "list", NULL, take_list, "srnmj", "list the processes, not their pools"},
    {'d', "delay", "SEC", take_delay, "", "report every SEC seconds, with rates in between"},
    {'c', "count", "N", take_count, "", "end after N reports (delay 1 unless -d is given)"},
    {'t', "top", NULL, take_top, "flHkcnmj123",
     "show the pools on a full screen; h lists the keys"},
    {'s', "sort", "KEY", take_sort, "", "sort by name, size, cnt, free, min, use, fail, rate"},
    {'r', "reverse", NULL, take_reverse, "", "turn the order round"},
    {'n', "rows", "N", take_rows, "", "at most N pools of each process"},
    {'H', "holders", NULL, take_holders, "lsrn", "show who holds the blocks that are out"},
    {'k', "check", NULL, take_check, "flHdcsrn", "look for damage; a pool is stopped meanwhile"},
    {'1', "reset-min", NULL, take_reset_min, "flHkdcsrn", "make the low-water marks start again"},
    {'2', "diff", "OLD NEW", take_diff, "pSflHk1dc", "compare what -j has written into two files"},
    {'m', "mynewt", NULL, take_mynewt, "jHk12", "print the table of newtmgr's mpstat"},
    {'j', "json", NULL, take_json, "2", "print the documents as they are served"},
    {'3', "csv", NULL, take_csv, "lHk12mj", "print comma-separated values"},
    {'w', "warn-free", "PCT", take_warn_free, "lHk12", "exit with 1 if fewer blocks are free"},
    {'e', "crit-free", "PCT", take_crit_free, "lHk12", "exit with 2 if fewer blocks are free"},
    {'4', "openmetrics", NULL, take_openmetrics, "dctlHk12mj3",
     "print metrics, in OpenMetrics 1.0"},
    {'5', "listen", "ADDR:PORT", take_listen, "fdctlHk12mj34we",
     "serve metrics to scrapers, by HTTP"},
    {'h', "help", NULL, take_help, "", "show this help"},
    {'V', "version", NULL, take_version, "", "show the version"},
};

#define N_OPTION_ROWS COUNT_OF(option_rows)

static bool
option_has_letter(const struct option_row *row)
{
    return !isdigit((unsigned char)row->letter);
}

static const struct option_row *
option_row_find(int letter)
{
    for (size_t i = 0; i < N_OPTION_ROWS; i++) {
        if (option_rows[i].letter == letter) {
            return &option_rows[i];
        }
    }
    return NULL;
}

/* The two tables of getopt_long(), made from ours. */
struct getopt_tables {
    char letters[2 + N_OPTION_ROWS * 2];
    struct option names[N_OPTION_ROWS + 1];
};

static void
getopt_tables_fill(struct getopt_tables *tables)
{
    char *end = tables->letters;

    *end++ = ':'; /* tells a missing argument from an unknown option */
    for (size_t i = 0; i < N_OPTION_ROWS; i++) {
        const struct option_row *row = &option_rows[i];
        int has_argument = row->argument != NULL ? required_argument : no_argument;

        if (option_has_letter(row)) {
            *end++ = row->letter;
            *end = ':';
            end += row->argument != NULL;
        }
        tables->names[i] = (struct option){row->name, has_argument, NULL, row->letter};
    }
    *end = '\0';
    tables->names[N_OPTION_ROWS] = (struct option){NULL, 0, NULL, 0};
}

/* The option as the user writes it, to be freed. */
static char *
option_title(const struct option_row *row)
{
    return option_has_letter(row) ? alloc_format("-%c (--%s)", row->letter, row->name)
                                  : alloc_format("--%s", row->name);
}

/* The row that getopt_long() means when it complains about a word; NULL if there is none. */
static const struct option_row *
option_row_meant(const char *word)
{
    const struct option_row *row = option_row_find(optopt);

    return row != NULL && !option_has_letter(row) && strncmp(word, "--", 2) != 0 ? NULL : row;
}

/* Says what getopt_long() did not like; found is what it returned. */
static void
option_refuse(int found, const char *word)
{
    const struct option_row *row = option_row_meant(word);
    char *title = row != NULL ? option_title(row) : NULL;

    if (row == NULL && strncmp(word, "--", 2) == 0) {
        message_print("option '%s' is unknown or could mean several", word);
    } else if (row == NULL) {
        message_print("option '-%c' is unknown", optopt);
    } else if (found == ':') {
        message_print("option %s needs an argument, %s", title, row->argument);
    } else {
        message_print("option %s takes no argument", title);
    }
    free(title);
}

static bool
option_take(struct options *options, const struct option_row *row, option_fn *take,
            const char *argument)
{
    const char *wanted = take(options, argument);

    if (wanted != NULL) {
        char *title = option_title(row);

        message_print("option %s %s, not '%s'", title, wanted, argument);
        free(title);
        return false;
    }
    return true;
}

/* The second argument of an option: getopt_long() knows of one only. */
static bool
option_take_second(struct options *options, const struct option_row *row, int argc, char **argv)
{
    const char *word = optind < argc ? argv[optind] : NULL;

    if (word == NULL || (word[0] == '-' && word[1] != '\0')) {
        char *title = option_title(row);

        message_print("option %s needs two arguments, %s", title, row->argument);
        free(title);
        return false;
    }
    optind++;
    return option_take(options, row, take_diff_new, word);
}

static void
options_disagree(const struct option_row *row, const struct option_row *other)
{
    char *title = option_title(row), *other_title = option_title(other);

    message_print("options %s and %s do not go together", title, other_title);
    free(title);
    free(other_title);
}

/* Whether all options that were given go together. */
static bool
options_agree(const bool *given)
{
    for (size_t i = 0; i < N_OPTION_ROWS; i++) {
        const struct option_row *row = &option_rows[i];

        for (const char *other = row->excludes; given[i] && *other != '\0'; other++) {
            const struct option_row *second = option_row_find(*other);

            if (given[second - option_rows]) {
                options_disagree(row, second);
                return false;
            }
        }
    }
    return true;
}

/* A process gets each of these globs in a line of its own. */
static bool
options_can_ask(const struct options *options)
{
    const struct choice *choice = &options->choice;

    for (size_t i = 0; i < choice->n_globs; i++) {
        bool by_glob = options->kind == DOCUMENT_CHECKS || options->kind == DOCUMENT_RESET;

        if (by_glob && !request_can_hold(choice->globs[i])) {
            message_print("no process can be asked about '%.40s': it is empty, or longer than 200 "
                          "bytes, or holds control characters",
                          choice->globs[i]);
            return false;
        }
    }
    return true;
}

/* What depends on more than one option. */
static bool
options_complete(struct options *options, char *const *words, size_t n_words)
{
    if (options->render == render_list && n_words > 0) {
        message_print("option -l lists processes; it takes no POOL-GLOB ('%s')", words[0]);
        return false;
    }
    if ((options->count > 0 || options->action == ACTION_TOP) && options->delay_ns == 0) {
        options->delay_ns = 1000000000;
    }
    if (options->render == render_mynewt && options->choice.key == NULL) {
        options->choice.key = sort_key_find("name");
    }
    options->choice.globs = words;
    options->choice.n_globs = n_words;
    options->choice.matched = alloc_array(NULL, n_words, sizeof(bool));
    memset(options->choice.matched, 0, n_words * sizeof(bool));
    return options_can_ask(options);
}

bool
options_read(struct options *options, int argc, char **argv)
{
    struct getopt_tables tables;
    bool given[N_OPTION_ROWS] = {false};

    *options = (struct options){.render = render_table};
    getopt_tables_fill(&tables);
    opterr = 0;
    for (;;) {
        int found = getopt_long(argc, argv, tables.letters, tables.names, NULL);
        const struct option_row *row = option_row_find(found);

        if (found == -1) {
            break;
        }
        if (row == NULL) {
            option_refuse(found, argv[optind - 1]);
            return false;
        }
        if (!option_take(options, row, row->take, optarg) ||
            (row->take == take_diff && !option_take_second(options, row, argc, argv))) {
            return false;
        }
        given[row - option_rows] = true;
    }
    return options_agree(given) &&
           options_complete(options, argv + optind, (size_t)(argc - optind));
}

void
options_print_help(FILE *out)
{
    fputs("Usage: mempoolstat [OPTION]... [POOL-GLOB]...\n"
          "Shows the memory pools of running programs that use libosmempool: those whose\n"
          "name matches a POOL-GLOB, or all, of every process that it may read.\n\n",
          out);
    for (size_t i = 0; i < N_OPTION_ROWS; i++) {
        const struct option_row *row = &option_rows[i];
        const char *argument = row->argument != NULL ? row->argument : "";
        int width = 16 - (int)strlen(row->name);

        fprintf(out, option_has_letter(row) ? "  -%c," : "     ", row->letter);
        fprintf(out, " --%s %-*s%s\n", row->name, width, argument, row->help);
    }
    fputs("\nA program is shown once it runs with OSMEMPOOL_EXPORT=1 in its environment.\n"
          "Exit status: 0 fine, 1 warning, 2 critical, 3 nothing to read or to write to,\n"
          "64 wrong usage.\n",
          out);
}

void
options_free(struct options *options)
{
    free(options->sockets);
    free(options->pids);
    free(options->choice.matched);
}
