/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h: foreign text made safe to print, and how many columns text takes on a terminal.
 */
#ifndef MEMPOOLSTAT_TEXT_H
#define MEMPOOLSTAT_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * Escapes what a terminal could take for a command or show wrongly, and what it would not show:
 * control characters (C0, DEL, C1), line separators, directional and invisible marks, blanks other
 * than the plain one, combining diacritics, bytes that are no character of the locale, and plain
 * blanks at both ends. Each of their bytes becomes \xNN. A backslash that stands before an x does,
 * too, so that no other text looks like an escape. All else stays as it is.
 *
 * @return  A new string, to be freed; only printable characters of the locale.
 */
char *text_escape(const char *text);

/** The same for a line that is made of several parts: blanks at its ends stay. */
char *text_escape_line(const char *text);

/**
 * The same as text_escape() for data that other programs read: whatever the locale, all of UTF-8
 * that is not hidden stays UTF-8.
 */
char *text_escape_data(const char *text);

/**
 * Prints JSON of valid UTF-8 that means the same, with the characters that text_escape() escapes
 * written as \uNNNN; but for blanks at the ends and backslashes.
 */
void text_print_json(FILE *out, const char *json, size_t n);

/** Columns that a string from text_escape() takes. */
size_t text_columns(const char *escaped);

/** How many bytes of a string from text_escape() fit into so many columns. */
size_t text_fit(const char *escaped, size_t columns);

/** Prints n spaces. */
void text_indent(FILE *out, size_t n);

#endif
