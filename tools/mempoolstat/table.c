/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "text.h"

/* A cell that is wider than this does not widen its column: one endless name would cost a blank for
 * each of its characters in every row. */
#define TABLE_MAX_WIDTH 160

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

void
table_add(struct table *table, char *cell)
{
    size_t n_bytes = strlen(cell) + 1, columns = text_columns(cell);
    size_t *width = &table->widths[table->n_cells % table->n_columns];

    pages_add(&table->cells, cell, n_bytes);
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
    const struct page *page;
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
    struct table_place place = {table->cells.first, 0};

    for (size_t i = 0; i < table->n_cells / table->n_columns; i++) {
        table_print_row(table, i, &place, out);
    }
}

void
table_free(struct table *table)
{
    pages_free(&table->cells);
    free(table->widths);
    free(table->styles);
}
