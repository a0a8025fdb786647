/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h: foreign text made safe to print, and how many columns text takes on a terminal.
 */
#ifndef MEMPOOLSTAT_TEXT_H
#define MEMPOOLSTAT_TEXT_H

#include <stddef.h>
#include <stdio.h>

/**
 * Escapes what a terminal could take for a command or show wrongly: control characters (C0, DEL,
 * C1), line separators, directional and zero-width marks, bytes that are no character of the
 * locale. Each of their bytes becomes \xNN; all else stays as it is.
 *
 * @return  A new string, to be freed; only printable characters of the locale.
 */
char *text_escape(const char *text);

/**
 * The same for data that other programs read: whatever the locale, UTF-8 stays UTF-8.
 */
char *text_escape_data(const char *text);

/** Columns that a string from text_escape() takes. */
size_t text_columns(const char *escaped);

/** How many bytes of a string from text_escape() fit into so many columns. */
size_t text_fit(const char *escaped, size_t columns);

/** Prints n spaces. */
void text_indent(FILE *out, size_t n);

#endif
