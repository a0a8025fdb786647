/* SPDX-License-Identifier: Apache-2.0 */
#include "top_view.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "history.h"
#include "judge.h"
#include "message.h"
#include "text.h"

#define TOP_LEVELS 8

static const char *const unicode_levels[TOP_LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii_levels[TOP_LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};

char *
top_view_bar(const struct pool *pool, int columns)
{
    const char *full = screen_has_unicode() ? "█" : "#";
    const char *empty = screen_has_unicode() ? "░" : "-";
    char *bar = alloc_array(NULL, (size_t)columns * 4 + 1, 1), *end = bar;
    int64_t n_full = pool->num_blocks > 0
                         ? (pool_used(pool) * columns + pool->num_blocks - 1) / pool->num_blocks
                         : 0;

    for (int i = 0; i < columns; i++) {
        end = stpcpy(end, i < n_full ? full : empty);
    }
    *end = '\0';
    return bar;
}

char *
top_view_graph(const struct history *history, int columns)
{
    const char *const *levels = screen_has_unicode() ? unicode_levels : ascii_levels;
    char *graph = alloc_array(NULL, (size_t)columns * 4 + 1, 1), *end = graph;

    for (int i = columns - 1; i >= 0; i--) {
        int permille = history != NULL ? history_at(history, (size_t)i) : -1;

        end = stpcpy(end, permille < 0 ? " " : levels[permille * (TOP_LEVELS - 1) / 1000]);
    }
    *end = '\0';
    return graph;
}

enum screen_style
top_view_style(const struct top_view *view, const struct pool *pool)
{
    switch (judge_pool(&view->report->limits, pool)) {
    case EXIT_CRITICAL:
        return SCREEN_RED;
    case EXIT_WARNING:
        return SCREEN_YELLOW;
    default:
        return SCREEN_PLAIN;
    }
}

void
top_view_draw_bottom(const struct top_view *view, const char *text)
{
    int line = screen_lines() - 1;

    if (line < 2) {
        return;
    }
    if (view->typing) {
        char *escaped = text_escape_line(view->filter);
        char *typed = alloc_format("/%s_", escaped);

        screen_put(line, 0, screen_columns(), typed, SCREEN_BOLD);
        free(typed);
        free(escaped);
    } else if (view->message != NULL) {
        screen_put(line, 0, screen_columns(), view->message, SCREEN_BOLD);
    } else {
        screen_put(line, 0, screen_columns(), text, SCREEN_DIM);
    }
}
