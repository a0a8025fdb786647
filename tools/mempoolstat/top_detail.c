/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "cell.h"
#include "holding.h"
#include "render.h"
#include "text.h"
#include "top_view.h"

#define DETAIL_BAR_COLUMNS 40

/* Takes the text over. */
static void
detail_put(int line, char *text, enum screen_style style)
{
    /* The last line is not ours. */
    if (line < screen_lines() - 1 || line == 0) {
        screen_put(line, 0, screen_columns(), text, style);
    }
    free(text);
}

/* When something happened, as a part of a sentence; nothing if it never did. */
static char *
detail_time(const char *before, int64_t time_us)
{
    char *time = cell_time(time_us);
    char *text = alloc_format("%s%s", time[0] != '\0' ? before : "", time);

    free(time);
    return text;
}

static void
detail_put_heading(const struct top_row *row)
{
    const struct process *process = row->process;
    char *name = text_escape(row->pool->name);
    char *program = text_escape(process->program != NULL ? process->program : "-");

    detail_put(0,
               alloc_format("pool '%s' of process %" PRId64 " (%s)%s", name, process->pid, program,
                            row->late ? ": no answer, the numbers are old" : ""),
               SCREEN_BOLD);
    free(name);
    free(program);
}

/* Where the pool comes from; what is known of that place only with the holders comes with them. */
static void
detail_put_registration(const struct top_view *view, const struct pool *pool)
{
    const struct process *holders = view->holders;
    bool known = holders != NULL && holders->n_holdings > 0;
    char *text = registration_text(pool->id, pool->registered_time,
                                   known ? &holders->holdings[0].registered_by : NULL);

    detail_put(1, text, SCREEN_PLAIN);
}

static void
detail_put_blocks(const struct top_view *view, const struct pool *pool)
{
    char *min_time = detail_time(" at ", pool->min_time);
    char *cached = cell_count(pool->num_cached), *use = cell_use(pool);
    char *bar = top_view_bar(pool, DETAIL_BAR_COLUMNS);

    detail_put(2,
               alloc_format("blocks   %" PRId64 " of %" PRId64 " bytes each, %" PRId64 " bytes",
                            pool->num_blocks, pool->block_size, pool_bytes(pool)),
               SCREEN_PLAIN);
    detail_put(3,
               alloc_format("free     %" PRId64 " (%s of them cached), at least %" PRId64 "%s",
                            pool->num_free, cached, pool->min_free, min_time),
               SCREEN_PLAIN);
    detail_put(4, alloc_format("in use   %" PRId64 " (%s%%) %s", pool_used(pool), use, bar),
               top_view_style(view, pool));
    free(min_time);
    free(cached);
    free(use);
    free(bar);
}

static void
detail_put_counters(const struct pool *pool)
{
    char *gets = cell_count(pool->gets), *puts = cell_count(pool->puts);
    char *get_rate = cell_rate(pool->get_rate), *put_rate = cell_rate(pool->put_rate);
    char *failed = cell_count(pool->failed), *refused = cell_count(pool->refused);
    char *fail_rate = cell_rate(pool->fail_rate), *faults = cell_count(pool->faults);
    char *failed_time = detail_time(", the last at ", pool->failed_time);
    char *debug = text_escape(pool->debug != NULL ? pool->debug : "none");

    detail_put(5,
               alloc_format("gets     %s, %s/s; %s failed, %s/s%s", gets, get_rate, failed,
                            fail_rate, failed_time),
               SCREEN_PLAIN);
    detail_put(6, alloc_format("puts     %s, %s/s; %s refused", puts, put_rate, refused),
               SCREEN_PLAIN);
    detail_put(7, alloc_format("faults   %s; debug words: %s", faults, debug),
               pool->faults > 0 ? SCREEN_RED : SCREEN_PLAIN);
    free(gets);
    free(puts);
    free(get_rate);
    free(put_rate);
    free(failed);
    free(fail_rate);
    free(refused);
    free(faults);
    free(failed_time);
    free(debug);
}

/* What is known of the holders, as text of some lines; to be freed. */
static char *
detail_holders(const struct top_view *view)
{
    char *text = NULL;
    size_t n_bytes;
    FILE *out;

    if (view->holders == NULL || view->holders->n_holdings == 0) {
        char *reason = text_escape(view->holders_reason != NULL ? view->holders_reason : "");
        char *line = alloc_format("holders  %s", view->holders != NULL ? "the pool is not there"
                                                 : reason[0] != '\0'   ? reason
                                                                       : "asking ...");

        free(reason);
        return line;
    }
    out = open_memstream(&text, &n_bytes);
    if (out == NULL) {
        return alloc_copy("holders  no memory");
    }
    render_holding(out, &view->holders->holdings[0], false);
    fclose(out);
    return text;
}

static size_t
lines_count(const char *text)
{
    size_t n = text[0] != '\0';

    for (; *text != '\0'; text++) {
        n += text[0] == '\n' && text[1] != '\0';
    }
    return n;
}

/* Draws the lines of a text from one of them on. */
static void
detail_put_lines(struct top_view *view, char *text, int line)
{
    int room = screen_lines() - 1 - line;
    size_t n_lines = lines_count(text), first;
    char *rest = text;

    /* The last line is not scrolled out of sight. */
    first = room > 0 && n_lines > (size_t)room ? n_lines - (size_t)room : 0;
    view->first_holder_line = view->first_holder_line < first ? view->first_holder_line : first;
    for (size_t i = 0; i < n_lines; i++) {
        char *this_line = strsep(&rest, "\n");

        if (i >= view->first_holder_line) {
            detail_put(line++, alloc_copy(this_line), SCREEN_PLAIN);
        }
    }
}

void
top_detail_draw(struct top_view *view)
{
    const struct top_row *row = &view->rows[view->selected_row];
    char *graph, *holders;

    detail_put_heading(row);
    detail_put_registration(view, row->pool);
    detail_put_blocks(view, row->pool);
    detail_put_counters(row->pool);
    graph = top_view_graph(row->pool->history, screen_columns() > 10 ? screen_columns() - 9 : 1);
    detail_put(8, alloc_format("history  %s", graph), SCREEN_PLAIN);
    free(graph);
    holders = detail_holders(view);
    detail_put_lines(view, holders, 10);
    free(holders);
    top_view_draw_bottom(view, "q quit  Escape back  up down scroll  space ask now  h help");
}
