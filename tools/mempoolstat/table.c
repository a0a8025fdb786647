/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "text.h"

/* A cell that is wider than this does not widen its column: one endless name would cost a blank for
 * each of its characters in every row. */
#define TABLE_MAX_WIDTH 160

#define PAGE_MIN_BYTES ((size_t)1 << 10)
#define PAGE_MAX_BYTES ((size_t)64 << 10)

/* Cells one behind the other, each with its NUL. */
struct table_page {
    struct table_page *next;
    size_t n_bytes, room;
    char bytes[];
};

void
table_init(struct table *table, const struct table_column *columns, size_t n_columns)
{
    *table = (struct table){.columns = columns, .n_columns = n_columns};
    table->widths = alloc_array(NULL, n_columns, sizeof(table->widths[0]));
    for (size_t i = 0; i < n_columns; i++) {
        table->widths[i] = columns[i].min_columns;
        table_add(table, alloc_copy(columns[i].title));
    }
    table_style_row(table, TABLE_BOLD);
}

/* Makes room for so many bytes more. Pages grow, so that small tables stay small. */
static struct table_page *
table_page(struct table *table, size_t n_bytes)
{
    struct table_page *last = table->last;
    size_t room = last == NULL ? PAGE_MIN_BYTES : last->room * 2;

    if (last != NULL && last->room - last->n_bytes >= n_bytes) {
        return last;
    }
    room = room > PAGE_MAX_BYTES ? PAGE_MAX_BYTES : room;
    room = room > n_bytes ? room : n_bytes;
    last = alloc_array(NULL, sizeof(*last) + room, 1);
    *last = (struct table_page){.room = room};
    if (table->last == NULL) {
        table->first = last;
    } else {
        table->last->next = last;
    }
    table->last = last;
    return last;
}

void
table_add(struct table *table, char *cell)
{
    size_t n_bytes = strlen(cell) + 1, columns = text_columns(cell);
    size_t *width = &table->widths[table->n_cells % table->n_columns];
    struct table_page *page = table_page(table, n_bytes);

    memcpy(page->bytes + page->n_bytes, cell, n_bytes);
    page->n_bytes += n_bytes;
    if (columns > *width && columns <= TABLE_MAX_WIDTH) {
        *width = columns;
    }
    table->n_cells++;
    free(cell);
}

void
table_style_row(struct table *table, enum table_style style)
{
    size_t n_rows = table->n_cells / table->n_columns;

    if (n_rows > table->styles_room) {
        table->styles_room = n_rows * 2;
        table->styles = alloc_array(table->styles, table->styles_room, 1);
    }
    while (table->n_styles < n_rows) {
        table->styles[table->n_styles++] = TABLE_PLAIN;
    }
    table->styles[n_rows - 1] = (unsigned char)style;
}

static enum table_style
table_row_style(const struct table *table, size_t row)
{
    return table->coloured && row < table->n_styles ? (enum table_style)table->styles[row]
                                                    : TABLE_PLAIN;
}

/* Where the next cell to print is. */
struct table_place {
    const struct table_page *page;
    size_t at;
};

static const char *
table_next(struct table_place *place)
{
    const char *cell;

    while (place->at == place->page->n_bytes) {
        *place = (struct table_place){place->page->next, 0};
    }
    cell = place->page->bytes + place->at;
    place->at += strlen(cell) + 1;
    return cell;
}

static void
table_print_row(const struct table *table, size_t row, struct table_place *place, FILE *out)
{
    static const char *const begins[] = {
        [TABLE_PLAIN] = "",
        [TABLE_BOLD] = "\x1b[1m",
        [TABLE_YELLOW] = "\x1b[33m",
        [TABLE_RED] = "\x1b[31m",
    };
    enum table_style style = table_row_style(table, row);
    size_t blanks = 0; /* owed, until a cell follows that shows something */

    fputs(begins[style], out);
    for (size_t i = 0; i < table->n_columns; i++) {
        const char *cell = table_next(place);
        size_t columns = text_columns(cell), width = table->widths[i];
        size_t rest = width > columns ? width - columns : 0;

        if (cell[0] == '\0') {
            blanks += width + 1;
            continue;
        }
        text_indent(out, blanks + (table->columns[i].left ? 0 : rest));
        fputs(cell, out);
        blanks = 1 + (table->columns[i].left ? rest : 0);
    }
    fputs(style != TABLE_PLAIN ? "\x1b[0m\n" : "\n", out);
}

void
table_print(const struct table *table, FILE *out)
{
    struct table_place place = {table->first, 0};

    for (size_t i = 0; i < table->n_cells / table->n_columns; i++) {
        table_print_row(table, i, &place, out);
    }
}

void
table_free(struct table *table)
{
    struct table_page *next;

    for (struct table_page *page = table->first; page != NULL; page = next) {
        next = page->next;
        free(page);
    }
    free(table->widths);
    free(table->styles);
}
