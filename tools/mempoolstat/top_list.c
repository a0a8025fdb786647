/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "cell.h"
#include "text.h"
#include "top_view.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LIST_NAME_MIN   8
#define LIST_NAME_WISH  24
/* Columns from this rank on come after a name of the width that is wished for. */
#define LIST_NAME_RANK   6
#define LIST_BAR_COLUMNS 10
#define LIST_GRAPH_MIN   8

static char *
cell_pid(const struct top_row *row)
{
    return alloc_format("%" PRId64, row->process->pid);
}

static char *
cell_program(const struct top_row *row)
{
    return text_escape(row->process->program != NULL ? row->process->program : "-");
}

static char *
cell_name(const struct top_row *row)
{
    char *name = text_escape(row->pool->name);
    char *cell = alloc_format("%s%s%s", row->late ? "! " : "", name, row->pool->stale ? " *" : "");

    free(name);
    return cell;
}

static char *
cell_size(const struct top_row *row)
{
    return cell_count(row->pool->block_size);
}

static char *
cell_blocks(const struct top_row *row)
{
    return cell_count(row->pool->num_blocks);
}

static char *
cell_bytes(const struct top_row *row)
{
    return cell_count(pool_bytes(row->pool));
}

static char *
cell_free(const struct top_row *row)
{
    return cell_count(row->pool->num_free);
}

static char *
cell_min(const struct top_row *row)
{
    return cell_count(row->pool->min_free);
}

static char *
cell_percent(const struct top_row *row)
{
    return cell_use(row->pool);
}

static char *
cell_bar(const struct top_row *row)
{
    return top_view_bar(row->pool, LIST_BAR_COLUMNS);
}

static char *
cell_gets(const struct top_row *row)
{
    return cell_rate(row->pool->get_rate);
}

static char *
cell_puts(const struct top_row *row)
{
    return cell_rate(row->pool->put_rate);
}

static char *
cell_failed(const struct top_row *row)
{
    return cell_count(row->pool->failed);
}

static char *
cell_fails(const struct top_row *row)
{
    return cell_rate(row->pool->fail_rate);
}

static char *
cell_faults(const struct top_row *row)
{
    return cell_count(row->pool->faults);
}

static char *
cell_cached(const struct top_row *row)
{
    return cell_count(row->pool->num_cached);
}

/* Columns from left to right. Those of a low rank are the last to go on a narrow screen. */
static const struct list_column {
    const char *title;
    const char *key; /* of the sort by this column; NULL: none */
    int rank;
    int min_columns;
    bool left;
    bool several;                             /* only if several processes are shown */
    char *(*cell)(const struct top_row *row); /* NULL: the graph, which takes what room is left */
} list_columns[] = {
    {"PID", NULL, 5, 5, false, true, cell_pid},
    {"PROGRAM", NULL, 14, 8, true, true, cell_program},
    {"NAME", "name", 0, LIST_NAME_MIN, true, false, cell_name},
    {"BLKSZ", "size", 15, 5, false, false, cell_size},
    {"CNT", "cnt", 3, 4, false, false, cell_blocks},
    {"BYTES", NULL, 9, 5, false, false, cell_bytes},
    {"FREE", "free", 2, 4, false, false, cell_free},
    {"MIN", "min", 8, 4, false, false, cell_min},
    {"USE%", "use", 1, 5, false, false, cell_percent},
    {"", NULL, 12, LIST_BAR_COLUMNS, true, false, cell_bar},
    {"GET/S", "rate", 10, 6, false, false, cell_gets},
    {"PUT/S", "rate", 11, 6, false, false, cell_puts},
    {"FAIL", "fail", 4, 4, false, false, cell_failed},
    {"FAIL/S", NULL, 7, 6, false, false, cell_fails},
    {"FAULTS", NULL, 6, 6, false, false, cell_faults},
    {"CACHED", NULL, 16, 6, false, false, cell_cached},
    {"HISTORY", NULL, 13, LIST_GRAPH_MIN, true, false, NULL},
};

#define N_LIST_COLUMNS COUNT_OF(list_columns)

/* The cells that are on the screen, and how wide their columns are; 0: the column is left out. */
struct list {
    const struct top_view *view;
    const struct top_row *rows;
    size_t n_rows;
    char *(*cells)[N_LIST_COLUMNS];
    int widths[N_LIST_COLUMNS];
};

static void
list_fill(struct list *list)
{
    list->cells = alloc_array(NULL, list->n_rows, sizeof(list->cells[0]));
    for (size_t i = 0; i < list->n_rows; i++) {
        for (size_t j = 0; j < N_LIST_COLUMNS; j++) {
            list->cells[i][j] =
                list_columns[j].cell != NULL ? list_columns[j].cell(&list->rows[i]) : NULL;
        }
    }
}

static void
list_free(struct list *list)
{
    for (size_t i = 0; i < list->n_rows; i++) {
        for (size_t j = 0; j < N_LIST_COLUMNS; j++) {
            free(list->cells[i][j]);
        }
    }
    free(list->cells);
}

/* The title, with a mark of the order if it is by this column; a new string. */
static char *
list_title(const struct list *list, size_t column)
{
    const char *key = list_columns[column].key, *title = list_columns[column].title;
    const struct top_view *view = list->view;
    bool sorted = view->key != NULL && key != NULL && strcmp(key, view->key->name) == 0;

    return sorted ? alloc_format("%c%s", view->reverse ? '^' : 'v', title) : alloc_copy(title);
}

static int
int_larger(int a, int b)
{
    return a > b ? a : b;
}

/* What a column needs for its title and its cells to be whole. */
static int
list_need(const struct list *list, size_t column)
{
    char *title = list_title(list, column);
    int need = int_larger(list_columns[column].min_columns, (int)strlen(title));

    for (size_t i = 0; list_columns[column].cell != NULL && i < list->n_rows; i++) {
        need = int_larger(need, (int)text_columns(list->cells[i][column]));
    }
    free(title);
    return need;
}

/* The column of a rank. */
static size_t
list_ranked(int rank)
{
    for (size_t i = 0; i < N_LIST_COLUMNS; i++) {
        if (list_columns[i].rank == rank) {
            return i;
        }
    }
    return 0;
}

static int
int_smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Widens the column of the names to what they need, a limit and the rest of the room; what is left.
 */
static int
list_widen_names(struct list *list, int limit, int rest)
{
    int *width = &list->widths[list_ranked(0)];
    int more = int_smaller(list_need(list, list_ranked(0)), limit) - *width;

    more = int_larger(int_smaller(more, rest), 0);
    *width += more;
    return rest - more;
}

/* Gives the columns their widths, by their ranks, until no room is left: numbers are never cut. */
static void
list_lay_out(struct list *list, bool several)
{
    int rest = screen_columns(), need;

    list->widths[list_ranked(0)] = int_smaller(rest, LIST_NAME_MIN);
    rest -= list->widths[list_ranked(0)];
    for (int rank = 1; rank < (int)N_LIST_COLUMNS; rank++) {
        size_t column = list_ranked(rank);

        if (rank == LIST_NAME_RANK) {
            rest = list_widen_names(list, LIST_NAME_WISH, rest);
        }
        need = list_need(list, column) + 1;
        if (need <= rest && (several || !list_columns[column].several)) {
            list->widths[column] = need - 1;
            rest -= need;
        }
    }
    rest = list_widen_names(list, INT_MAX, rest);
    /* The graph is the last column. */
    if (list->widths[N_LIST_COLUMNS - 1] > 0) {
        list->widths[N_LIST_COLUMNS - 1] += rest;
    }
}

/* Draws a cell, and returns where the next one begins. */
static int
list_put(int line, int at, int width, bool left, const char *text, enum screen_style style)
{
    if (left) {
        screen_put(line, at, width, text, style);
    } else {
        screen_put_right(line, at, width, text, style);
    }
    return at + width + 1;
}

static void
list_draw_titles(const struct list *list, int line)
{
    int at = 0;

    screen_paint(line, SCREEN_REVERSE);
    for (size_t i = 0; i < N_LIST_COLUMNS; i++) {
        char *title = list_title(list, i);

        if (list->widths[i] > 0) {
            at = list_put(line, at, list->widths[i], list_columns[i].left, title, SCREEN_REVERSE);
        }
        free(title);
    }
}

/* A pool with a fault has its number of faults in red, however many blocks are free. */
static enum screen_style
list_cell_style(const struct list_column *column, const struct pool *pool, enum screen_style style)
{
    return column->cell == cell_faults && pool->faults > 0 && style != SCREEN_REVERSE ? SCREEN_RED
                                                                                      : style;
}

static void
list_draw_row(const struct list *list, size_t i, int line)
{
    const struct top_view *view = list->view;
    const struct top_row *row = &list->rows[i];
    bool selected = view->first_row + i == view->selected_row;
    enum screen_style style = selected ? SCREEN_REVERSE : top_view_style(view, row->pool);
    int at = 0;

    if (!selected && row->late) {
        style = SCREEN_DIM;
    }
    if (selected) {
        screen_paint(line, SCREEN_REVERSE);
    }
    for (size_t j = 0; j < N_LIST_COLUMNS; j++) {
        char *graph = NULL;

        if (list->widths[j] == 0) {
            continue;
        }
        if (list_columns[j].cell == NULL) {
            graph = top_view_graph(row->pool->history, list->widths[j]);
        }
        at = list_put(line, at, list->widths[j], list_columns[j].left,
                      graph != NULL ? graph : list->cells[i][j],
                      list_cell_style(&list_columns[j], row->pool, style));
        free(graph);
    }
}

/* The first line: how many there are, and how they were chosen. */
static void
list_draw_heading(const struct top_view *view)
{
    time_t now = time(NULL);
    struct tm broken_down;
    char clock[16] = "";
    char *filter = text_escape_line(view->filter);
    size_t n_late = view->report->n_processes - view->report->n_shown;
    char *late = n_late > 0 ? alloc_format(" (%zu without an answer)", n_late) : alloc_copy("");
    char *heading;

    if (localtime_r(&now, &broken_down) != NULL) {
        strftime(clock, sizeof(clock), "%H:%M:%S", &broken_down);
    }
    heading = alloc_format("%zu of %zu pools, %zu process%s%s, every %g s, by %s%s%s%s%s  %s",
                           view->n_rows, view->n_pools, view->report->n_processes,
                           view->report->n_processes == 1 ? "" : "es", late, view->delay_seconds,
                           view->key != NULL ? view->key->name : "registration",
                           view->reverse ? " (reversed)" : "", filter[0] != '\0' ? ", with '" : "",
                           filter, filter[0] != '\0' ? "'" : "", clock);
    screen_put(0, 0, screen_columns(), heading, SCREEN_BOLD);
    free(heading);
    free(late);
    free(filter);
}

/* Adds a part to the line, which it takes over, unless the screen is too narrow for all of it. */
static void
sum_add(char **line, char *part)
{
    char *longer = alloc_format("%s, %s", *line, part);

    free(part);
    if (text_columns(longer) > (size_t)screen_columns()) {
        free(longer);
        return;
    }
    free(*line);
    *line = longer;
}

static void
sum_add_count(char **line, int64_t count, const char *noun)
{
    char *number = cell_count(count);

    sum_add(line, alloc_format("%s %s", number, noun));
    free(number);
}

static void
sum_add_rate(char **line, double rate, const char *noun)
{
    char *number = cell_rate(rate);

    sum_add(line, alloc_format("%s %s", number, noun));
    free(number);
}

/* The second line: the sum of what is chosen. What wants attention is the last to go. */
static void
list_draw_sum(const struct top_view *view)
{
    struct pool sum = pool_zero();
    int64_t bytes = 0;
    char *use, *line;

    for (size_t i = 0; i < view->n_rows; i++) {
        pool_add(&sum, view->rows[i].pool);
        bytes = count_add(bytes, pool_bytes(view->rows[i].pool));
    }
    use = cell_use(&sum);
    line = alloc_format("%" PRId64 " of %" PRId64 " blocks in use (%s%%)", pool_used(&sum),
                        sum.num_blocks, use);
    sum_add_count(&line, sum.failed, "failed");
    sum_add_count(&line, sum.faults, "faults");
    sum_add_rate(&line, sum.fail_rate, "fails/s");
    sum_add_rate(&line, sum.get_rate, "gets/s");
    sum_add_rate(&line, sum.put_rate, "puts/s");
    sum_add_count(&line, bytes, "bytes");
    screen_put(1, 0, screen_columns(), line, SCREEN_PLAIN);
    free(use);
    free(line);
}

/* Lines above the first pool, and below the last, by the height of the screen. */
static int
list_lines_above(void)
{
    int lines = screen_lines();

    return lines >= 6 ? 3 : lines >= 4 ? 2 : lines >= 2 ? 1 : 0;
}

static int
list_lines_below(void)
{
    return screen_lines() >= 3 ? 1 : 0;
}

int
top_list_room(void)
{
    int room = screen_lines() - list_lines_above() - list_lines_below();

    return room > 0 ? room : 1;
}

/* The part of the rows that is on the screen: with the selected one, and without a gap below. */
static void
list_scroll(struct top_view *view)
{
    size_t room = (size_t)top_list_room();

    if (view->first_row > view->selected_row) {
        view->first_row = view->selected_row;
    }
    if (view->selected_row >= view->first_row + room) {
        view->first_row = view->selected_row - room + 1;
    }
    if (view->first_row + room > view->n_rows) {
        view->first_row = view->n_rows > room ? view->n_rows - room : 0;
    }
}

/* What stands there if there is no pool. */
static const char *
list_excuse(const struct top_view *view)
{
    if (view->n_pools > 0) {
        return "no pool matches the filter";
    }
    return view->report->n_processes > 0
               ? "no pool"
               : "no program exports its pools; start one with OSMEMPOOL_EXPORT=1";
}

void
top_list_draw(struct top_view *view)
{
    struct list list = {.view = view};
    int above = list_lines_above();
    size_t room = (size_t)top_list_room();

    list_scroll(view);
    list.rows = view->rows + view->first_row;
    list.n_rows = view->n_rows - view->first_row < room ? view->n_rows - view->first_row : room;
    list_fill(&list);
    list_lay_out(&list, view->report->n_processes > 1);
    if (above > 0) {
        list_draw_heading(view);
    }
    if (above > 2) {
        list_draw_sum(view);
    }
    if (above > 1) {
        list_draw_titles(&list, above - 1);
    }
    for (size_t i = 0; i < list.n_rows; i++) {
        list_draw_row(&list, i, above + (int)i);
    }
    if (list.n_rows == 0) {
        screen_put(above, 0, screen_columns(), list_excuse(view), SCREEN_PLAIN);
    }
    top_view_draw_bottom(view, "q quit  / filter  Enter one pool  n b c f m u e t sort  h help");
    list_free(&list);
}
