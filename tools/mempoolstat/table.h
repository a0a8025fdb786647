/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h: a table whose columns are as wide as their widest cell, unless that is endless. Nothing
 * is cut.
 */
#ifndef MEMPOOLSTAT_TABLE_H
#define MEMPOOLSTAT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "pages.h"

struct table_column {
    const char *title;
    size_t min_columns; /* width at least */
    bool left;          /* aligned left; right otherwise */
};

enum table_style {
    TABLE_PLAIN,
    TABLE_BOLD, /* also the titles */
    TABLE_YELLOW,
    TABLE_RED,
};

struct table {
    const struct table_column *columns;
    size_t n_columns;
    size_t *widths;     /* of the columns */
    struct pages cells; /* row by row, each with its NUL */
    size_t n_cells;
    unsigned char *styles; /* of the rows, titles first */
    size_t n_styles, styles_room;
    bool coloured; /* styles are shown */
};

void table_init(struct table *table, const struct table_column *columns, size_t n_columns);

/** Adds the next cell, row by row; the string is escaped text and becomes the table's. */
void table_add(struct table *table, char *cell);

/** Sets the style of the row that was added last, all of whose cells are there. */
void table_style_row(struct table *table, enum table_style style);

/** Prints titles and rows, without blanks at the ends of lines. */
void table_print(const struct table *table, FILE *out);

void table_free(struct table *table);

#endif
