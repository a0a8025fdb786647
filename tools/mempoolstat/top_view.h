/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top_view.h: what the full screen is about at a moment, for those who draw it: top_list.c,
 * top_detail.c, top_help.c. top.c owns it and changes it as keys and reports come.
 */
#ifndef MEMPOOLSTAT_TOP_VIEW_H
#define MEMPOOLSTAT_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"
#include "screen.h"

#define TOP_MAX_FILTER 64

struct top_row {
    struct process *process;
    struct pool *pool;
    size_t place; /* of the process in the report */
    bool late;    /* the process has not answered in time: the numbers are old */
};

enum top_mode {
    TOP_LIST,
    TOP_DETAIL,
    TOP_HELP,
};

struct top_view {
    enum top_mode mode;
    const struct report *report;
    struct top_row *rows;           /* the chosen pools of all processes, in order */
    size_t n_rows, n_pools;         /* n_pools: without the filter */
    const struct history *selected; /* the pool that the user has selected; NULL: none */
    size_t selected_row;            /* of that pool; 0 if there is none */
    size_t first_row;               /* the first that is on the screen */
    const struct sort_key *key;     /* NULL: the order of the documents */
    bool reverse;
    char filter[TOP_MAX_FILTER * 4 + 1]; /* as typed, not escaped */
    bool typing;                         /* the filter is being typed */
    const char *message;                 /* the last one, while it is new; or NULL */
    double delay_seconds;
    const struct process *holders; /* of the pool in TOP_DETAIL, or NULL */
    const char *holders_reason;    /* why there are none, or NULL */
    size_t first_holder_line;
};

/** The pools, one a line. Changes first_row so that the selected one is on the screen. */
void top_list_draw(struct top_view *view);

/** How many pools fit on the screen. */
int top_list_room(void);

/** One pool, the selected one, and who holds its blocks. Keeps first_holder_line within reason. */
void top_detail_draw(struct top_view *view);

/** The keys. */
void top_help_draw(const struct top_view *view);

/** The last line: what is being typed, or a message, or else this text. */
void top_view_draw_bottom(const struct top_view *view, const char *text);

/** How much of a pool is in use, as a bar of so many columns; a new string. */
char *top_view_bar(const struct pool *pool, int columns);

/** The use of the last so many reports, the newest last; a new string. */
char *top_view_graph(const struct history *history, int columns);

/** The style of a pool's row, by its free blocks. */
enum screen_style top_view_style(const struct top_view *view, const struct pool *pool);

#endif
