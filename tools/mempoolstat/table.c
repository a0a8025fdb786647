/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdlib.h>

#include "alloc.h"
#include "text.h"

void
table_init(struct table *table, const struct table_column *columns, size_t n_columns)
{
    *table = (struct table){.columns = columns, .n_columns = n_columns};
    for (size_t i = 0; i < n_columns; i++) {
        table_add(table, alloc_copy(columns[i].title));
    }
    table_style_row(table, TABLE_BOLD);
}

void
table_add(struct table *table, char *cell)
{
    /* Room doubles whenever the count reaches a power of two. */
    if ((table->n_cells & (table->n_cells - 1)) == 0) {
        size_t room = table->n_cells > 0 ? table->n_cells * 2 : 1;

        table->cells = alloc_array(table->cells, room, sizeof(char *));
    }
    table->cells[table->n_cells++] = cell;
}

void
table_style_row(struct table *table, enum table_style style)
{
    size_t n_rows = table->n_cells / table->n_columns;

    table->styles = alloc_array(table->styles, n_rows, sizeof(style));
    while (table->n_styles < n_rows) {
        table->styles[table->n_styles++] = TABLE_PLAIN;
    }
    table->styles[n_rows - 1] = style;
}

static enum table_style
table_row_style(const struct table *table, size_t row)
{
    return table->coloured && row < table->n_styles ? table->styles[row] : TABLE_PLAIN;
}

static size_t
table_width(const struct table *table, size_t column)
{
    size_t width = table->columns[column].min_columns;

    for (size_t i = column; i < table->n_cells; i += table->n_columns) {
        size_t columns = text_columns(table->cells[i]);

        width = columns > width ? columns : width;
    }
    return width;
}

static void
table_print_row(const struct table *table, size_t row, const size_t *widths, FILE *out)
{
    static const char *const begins[] = {
        [TABLE_PLAIN] = "",
        [TABLE_BOLD] = "\x1b[1m",
        [TABLE_YELLOW] = "\x1b[33m",
        [TABLE_RED] = "\x1b[31m",
    };
    char *const *cells = table->cells + row * table->n_columns;
    enum table_style style = table_row_style(table, row);
    size_t blanks = 0; /* owed, until a cell follows that shows something */

    fputs(begins[style], out);
    for (size_t i = 0; i < table->n_columns; i++) {
        size_t columns = text_columns(cells[i]), rest = widths[i] - columns;

        if (cells[i][0] == '\0') {
            blanks += widths[i] + 1;
            continue;
        }
        text_indent(out, blanks + (table->columns[i].left ? 0 : rest));
        fputs(cells[i], out);
        blanks = 1 + (table->columns[i].left ? rest : 0);
    }
    fputs(style != TABLE_PLAIN ? "\x1b[0m\n" : "\n", out);
}

void
table_print(const struct table *table, FILE *out)
{
    size_t *widths = alloc_array(NULL, table->n_columns, sizeof(size_t));

    for (size_t i = 0; i < table->n_columns; i++) {
        widths[i] = table_width(table, i);
    }
    for (size_t i = 0; i < table->n_cells / table->n_columns; i++) {
        table_print_row(table, i, widths, out);
    }
    free(widths);
}

void
table_free(struct table *table)
{
    for (size_t i = 0; i < table->n_cells; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    free(table->styles);
}
