/* SPDX-License-Identifier: Apache-2.0 */
#include "top.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "alloc.h"
#include "clock.h"
#include "collect.h"
#include "collector.h"
#include "history.h"
#include "judge.h"
#include "message.h"
#include "screen.h"
#include "terminal.h"
#include "top_view.h"

#define TOP_MESSAGE_NS ((int64_t)5000000000)

struct top {
    const struct options *options;
    struct report report;
    struct top_view view;
    struct findings findings; /* of the last round: what the view shows of holders */
    int64_t next_ns;          /* when to ask again */
    char *message;
    int64_t message_end_ns;
    bool quits;
};

/* The last message of any thread. */
static struct {
    pthread_mutex_t mutex; /* guards the line */
    char *line;            /* NULL: taken, or none */
} mailbox = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void
mailbox_put(char *line)
{
    pthread_mutex_lock(&mailbox.mutex);
    free(mailbox.line);
    mailbox.line = line;
    pthread_mutex_unlock(&mailbox.mutex);
}

static char *
mailbox_take(void)
{
    char *line;

    pthread_mutex_lock(&mailbox.mutex);
    line = mailbox.line;
    mailbox.line = NULL;
    pthread_mutex_unlock(&mailbox.mutex);
    return line;
}

/* Shows a new message for some seconds. */
static void
top_read_message(struct top *top)
{
    char *line = mailbox_take();
    int64_t now_ns = clock_now_ns();

    if (line != NULL) {
        free(top->message);
        top->message = line;
        top->message_end_ns = now_ns + TOP_MESSAGE_NS;
    }
    top->view.message = now_ns < top->message_end_ns ? top->message : NULL;
}

static bool
row_passes_filter(const struct top_row *row, const char *filter)
{
    const char *program = row->process->program != NULL ? row->process->program : "";
    char pid[24];

    snprintf(pid, sizeof(pid), "%" PRId64, row->process->pid);
    return strcasestr(row->pool->name, filter) != NULL || strcasestr(program, filter) != NULL ||
           strstr(pid, filter) != NULL;
}

static int
row_compare(const void *left, const void *right, void *arg)
{
    const struct top_row *a = left, *b = right;
    const struct top_view *view = arg;
    int order = view->key != NULL ? pool_order(a->pool, b->pool, view->key) : 0;

    if (order == 0) {
        order = (a->place > b->place) - (a->place < b->place);
    }
    if (order == 0) {
        order = (a->pool->index > b->pool->index) - (a->pool->index < b->pool->index);
    }
    return view->reverse ? -order : order;
}

/*
 * Goes on showing the pool that was selected, or what is in its place now. As long as the user has
 * selected none it is the first one, whichever that is.
 */
static void
view_find_selected(struct top_view *view)
{
    for (size_t i = 0; i < view->n_rows; i++) {
        if (view->selected != NULL && view->rows[i].pool->history == view->selected) {
            view->selected_row = i;
            return;
        }
    }
    if (view->mode == TOP_DETAIL) {
        message_print("the pool is no longer there");
        view->mode = TOP_LIST;
    }
    if (view->selected_row >= view->n_rows) {
        view->selected_row = view->n_rows > 0 ? view->n_rows - 1 : 0;
    }
    view->selected = view->selected != NULL && view->n_rows > 0
                         ? view->rows[view->selected_row].pool->history
                         : NULL;
    view->selected_row = view->selected != NULL ? view->selected_row : 0;
}

static void
view_add_process(struct top_view *view, const struct choice *choice, size_t place)
{
    struct process *process = view->report->processes[place];

    view->rows = alloc_array(view->rows, view->n_rows + process->n_pools, sizeof(view->rows[0]));
    for (size_t i = 0; i < process->n_pools; i++) {
        struct top_row row = {process, &process->pools[i], place, place >= view->report->n_shown};

        if (!choice_admits(choice, row.pool->name)) {
            continue;
        }
        view->n_pools++;
        if (row_passes_filter(&row, view->filter)) {
            view->rows[view->n_rows++] = row;
        }
    }
}

/* The rows anew: after a report, and after a change of filter or order. */
static void
top_choose_rows(struct top *top)
{
    struct top_view *view = &top->view;

    view->report = &top->report;
    view->n_rows = view->n_pools = 0;
    for (size_t i = 0; i < top->report.n_processes; i++) {
        view_add_process(view, &top->options->choice, i);
    }
    if (view->n_rows > 0) {
        qsort_r(view->rows, view->n_rows, sizeof(view->rows[0]), row_compare, view);
    }
    view_find_selected(view);
}

/* The rows after a change by the user, who wants to see the first of them. */
static void
top_choose_rows_anew(struct top *top)
{
    top->view.selected = NULL;
    top_choose_rows(top);
}

static void
findings_forget_holders(struct top *top)
{
    process_free(top->findings.holders);
    free(top->findings.reason);
    top->findings.holders = NULL;
    top->findings.reason = NULL;
    top->view.holders = NULL;
    top->view.holders_reason = NULL;
}

static bool
holding_fits(const struct holding *holding, const struct pool *pool)
{
    return strcmp(holding->name, pool->name) == 0 &&
           (holding->id == pool->id || holding->id == MODEL_ABSENT);
}

/* Whether holders are those of the pool on the screen, and not of one that was before. */
static bool
holders_fit(const struct top *top, const struct process *holders)
{
    const struct top_row *row = &top->view.rows[top->view.selected_row];

    return holders == NULL ||
           (process_is_same(holders, row->process) &&
            (holders->n_holdings == 0 || holding_fits(&holders->holdings[0], row->pool)));
}

static void
top_take_holders(struct top *top, struct findings *findings)
{
    bool asked = findings->holders != NULL || findings->reason != NULL;

    if (top->view.mode == TOP_DETAIL && asked && holders_fit(top, findings->holders)) {
        findings_forget_holders(top);
        top->findings.holders = findings->holders;
        top->findings.reason = findings->reason;
        top->view.holders = findings->holders;
        top->view.holders_reason = findings->reason;
    } else {
        process_free(findings->holders);
        free(findings->reason);
    }
}

/* Shows what a round of questions has found. */
static void
top_accept(struct top *top, struct findings *findings)
{
    struct report earlier, report;

    collection_finish(top->options, &findings->collection, &top->report, &report);
    report.limits = judge_limits(&top->options->limits);
    history_follow(&report, &top->report);
    earlier = top->report;
    top->report = report;
    /* The rows point into the earlier report until they are chosen anew. */
    top_choose_rows(top);
    report_clear(&earlier);
    top_take_holders(top, findings);
}

/* The pool whose holders are to be asked for. */
static struct wish
top_wish(const struct top *top)
{
    const struct top_row *row = &top->view.rows[top->view.selected_row];
    size_t number = 0;

    if (top->view.mode != TOP_DETAIL || top->view.n_rows == 0) {
        return (struct wish){0};
    }
    for (size_t i = 0; i < row->pool->index; i++) {
        number += strcmp(row->process->pools[i].name, row->pool->name) == 0;
    }
    return (struct wish){alloc_copy(row->process->origin), alloc_copy(row->pool->name),
                         row->pool->id, number, row->process->peer_pid};
}

static void
top_select(struct top *top, size_t row)
{
    struct top_view *view = &top->view;

    view->selected_row = row < view->n_rows ? row : view->n_rows > 0 ? view->n_rows - 1 : 0;
    view->selected = view->n_rows > 0 ? view->rows[view->selected_row].pool->history : NULL;
}

/* Where a key leads in a row of so many things; here if it is no such key. */
static size_t
key_move(long key, size_t here, size_t n, size_t page)
{
    switch (key) {
    case KEYS_UP:
    case 'k':
        return here > 0 ? here - 1 : 0;
    case KEYS_DOWN:
    case 'j':
        return here + 1;
    case KEYS_PAGE_UP:
        return here > page ? here - page : 0;
    case KEYS_PAGE_DOWN:
        return here + page;
    case KEYS_HOME:
        return 0;
    case KEYS_END:
        return n;
    default:
        return here;
    }
}

/* Goes where a key leads; back to the first pool means to none in particular. */
static void
top_move(struct top *top, long key)
{
    struct top_view *view = &top->view;
    size_t row = key_move(key, view->selected_row, view->n_rows, (size_t)top_list_room());

    if (row != view->selected_row) {
        top_select(top, row);
    }
    if (key == KEYS_HOME) {
        view->selected = NULL;
    }
}

static const struct {
    char key;
    const char *name; /* NULL: the order of the documents */
} sort_letters[] = {
    {'n', "name"}, {'b', "size"}, {'c', "cnt"},  {'f', "free"}, {'m', "min"},
    {'u', "use"},  {'e', "fail"}, {'t', "rate"}, {'o', NULL},
};

/* Returns whether the key chooses an order. */
static bool
top_sort_by_key(struct top *top, long key)
{
    for (size_t i = 0; i < sizeof(sort_letters) / sizeof(sort_letters[0]); i++) {
        if (sort_letters[i].key == key) {
            const char *name = sort_letters[i].name;

            top->view.key = name != NULL ? sort_key_find(name) : NULL;
            top_choose_rows_anew(top);
            return true;
        }
    }
    return false;
}

static void
top_open(struct top *top)
{
    if (top->view.n_rows > 0) {
        findings_forget_holders(top);
        top_select(top, top->view.selected_row);
        top->view.mode = TOP_DETAIL;
        top->view.first_holder_line = 0;
        top->next_ns = clock_now_ns();
    }
}

static void
top_list_key(struct top *top, long key)
{
    struct top_view *view = &top->view;

    if (top_sort_by_key(top, key)) {
        return;
    }
    switch (key) {
    case KEYS_ENTER:
        top_open(top);
        break;
    case KEYS_ESCAPE:
        view->filter[0] = '\0';
        top_choose_rows_anew(top);
        break;
    case '/':
        view->typing = true;
        break;
    case 'r':
        view->reverse = !view->reverse;
        top_choose_rows_anew(top);
        break;
    default:
        top_move(top, key);
    }
}

static void
top_detail_key(struct top *top, long key)
{
    struct top_view *view = &top->view;

    if (key == KEYS_ESCAPE || key == KEYS_BACKSPACE) {
        view->mode = TOP_LIST;
        return;
    }
    /* Where the end is, is known when it is drawn. */
    view->first_holder_line = key_move(key, view->first_holder_line, SIZE_MAX / 2, 10);
}

/* Adds a character to the filter. */
static void
filter_add(struct top_view *view, wchar_t character)
{
    char bytes[MB_LEN_MAX + 1] = "";
    mbstate_t state;
    size_t n;

    memset(&state, 0, sizeof(state));
    n = wcrtomb(bytes, character, &state);
    if (n != (size_t)-1 && strlen(view->filter) + n < sizeof(view->filter)) {
        bytes[n] = '\0';
        strcat(view->filter, bytes);
    }
}

/* Drops the last character, which in UTF-8 may have more bytes than one. */
static void
filter_shorten(struct top_view *view)
{
    size_t n = strlen(view->filter);

    while (n > 0 && ((unsigned char)view->filter[n - 1] & 0xc0) == 0x80) {
        n--;
    }
    view->filter[n > 0 ? n - 1 : 0] = '\0';
}

static void
top_filter_key(struct top *top, long key)
{
    struct top_view *view = &top->view;

    if (key == KEYS_ENTER) {
        view->typing = false;
    } else if (key == KEYS_ESCAPE) {
        view->typing = false;
        view->filter[0] = '\0';
    } else if (key == KEYS_BACKSPACE) {
        filter_shorten(view);
    } else if (key == ('u' & 0x1f)) {
        view->filter[0] = '\0';
    } else if (key >= ' ' && key < KEYS_BEGIN) {
        filter_add(view, (wchar_t)key);
    } else {
        top_move(top, key);
        return;
    }
    top_choose_rows_anew(top);
}

static void
top_take_key(struct top *top, long key)
{
    struct top_view *view = &top->view;

    if (view->typing) {
        top_filter_key(top, key);
    } else if (key == 'q') {
        top->quits = true;
    } else if (view->mode == TOP_HELP) {
        view->mode = TOP_LIST;
    } else if (key == 'h' || key == '?') {
        view->mode = TOP_HELP;
    } else if (key == ' ') {
        top->next_ns = clock_now_ns();
    } else if (view->mode == TOP_DETAIL) {
        top_detail_key(top, key);
    } else {
        top_list_key(top, key);
    }
}

static void
top_draw(struct top *top)
{
    screen_clear();
    switch (top->view.mode) {
    case TOP_LIST:
        top_list_draw(&top->view);
        break;
    case TOP_DETAIL:
        top_detail_draw(&top->view);
        break;
    case TOP_HELP:
        top_help_draw(&top->view);
        break;
    }
    screen_show();
}

/* When to look again though nothing has happened. */
static int64_t
top_wake_ns(const struct top *top)
{
    int64_t wake_ns = collector_is_busy() ? INT64_MAX : top->next_ns;

    if (top->view.message != NULL && top->message_end_ns < wake_ns) {
        wake_ns = top->message_end_ns;
    }
    /* The time of day is on the screen. */
    return wake_ns < clock_now_ns() + 1000000000 ? wake_ns : clock_now_ns() + 1000000000;
}

/* Shows, waits and answers until the user quits. Returns an exit status. */
static int
top_loop(struct top *top)
{
    while (!top->quits) {
        struct findings findings;
        long key;

        if (clock_now_ns() >= top->next_ns && !collector_is_busy()) {
            top->next_ns = clock_now_ns() + top->options->delay_ns;
            collector_ask(top_wish(top));
        }
        top_read_message(top);
        top_draw(top);
        if (!screen_wait(collector_fd(), top_wake_ns(top))) {
            return EXIT_NOTHING;
        }
        while (!top->quits && (key = screen_read_key()) != 0) {
            top_take_key(top, key);
        }
        if (collector_take(&findings)) {
            top_accept(top, &findings);
        }
    }
    return EXIT_FINE;
}

/* The first report, before the screen is there. Returns false if what the user named is not. */
static bool
top_begin(struct top *top)
{
    const struct options *options = top->options;
    bool named = options->n_pids > 0 || options->n_sockets > 0;

    if (!named) {
        message_redirect(mailbox_put);
    }
    if (!collect_report(options, NULL, &top->report) && named) {
        return false;
    }
    message_redirect(mailbox_put);
    top->report.limits = judge_limits(&options->limits);
    history_follow(&top->report, &(struct report){0});
    top->view.key = options->choice.key;
    top->view.reverse = options->choice.reverse;
    top->view.delay_seconds = (double)options->delay_ns / 1e9;
    top->next_ns = clock_now_ns() + options->delay_ns;
    top_choose_rows(top);
    return true;
}

static void
top_free(struct top *top)
{
    findings_forget_holders(top);
    report_clear(&top->report);
    free(top->view.rows);
    free(top->message);
    free(mailbox_take());
}

int
top_run(const struct options *options)
{
    struct top top = {.options = options};
    int status = EXIT_NOTHING;

    if (!terminal_is_fit() || !top_begin(&top) || !collector_start(options)) {
        message_redirect(NULL);
        top_free(&top);
        return status;
    }
    if (screen_begin()) {
        status = top_loop(&top);
        screen_end();
    }
    if (!collector_stop()) {
        /* It waits for a process that does not answer; nobody should wait for that. */
        _Exit(status);
    }
    message_redirect(NULL);
    top_free(&top);
    return status;
}
