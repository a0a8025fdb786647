/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h: a text on the stack, for words to the user that must not allocate memory.
 *
 * Synchronization: none; a text belongs to the function that has it. It is written in one piece, so
 * that texts of several threads do not mix.
 */
#ifndef OSMP_BASE_TEXT_H
#define OSMP_BASE_TEXT_H

#include <stddef.h>

/* All bytes 0 is an empty text. What has no room is cut off. */
struct text {
    size_t used;
    char bytes[4096];
};

/* Adds to the text, as printf(). */
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Adds what others chose, as a name or a value: what is not printable ASCII becomes \xNN. Of a long
 * one only the beginning is added, and "...", so that the rest of the line has room.
 */
void text_add_escaped(struct text *text, const char *name);

/* Adds bytes in hex, with blanks between. */
void text_add_bytes(struct text *text, const unsigned char *bytes, size_t n);

/* Writes it to standard error. */
void text_write(const struct text *text);

#endif
