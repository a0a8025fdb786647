/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen.h: the terminal as a full screen, and its way back. Whatever ends the program, short of
 * SIGKILL, leaves the terminal as it was found.
 */
#ifndef MEMPOOLSTAT_SCREEN_H
#define MEMPOOLSTAT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a place on the screen looks like. */
enum screen_style {
    SCREEN_PLAIN,
    SCREEN_BOLD,
    SCREEN_REVERSE,
    SCREEN_YELLOW,
    SCREEN_RED,
    SCREEN_DIM,
};

/* Keys that are no characters; above all of those. */
enum screen_key {
    KEYS_BEGIN = 0x200000,
    KEYS_UP,
    KEYS_DOWN,
    KEYS_PAGE_UP,
    KEYS_PAGE_DOWN,
    KEYS_HOME,
    KEYS_END,
    KEYS_ENTER,
    KEYS_ESCAPE,
    KEYS_BACKSPACE,
    KEYS_OTHER,
};

/** Takes the terminal, which must be fit (terminal.h). Returns whether it could be had; if not, a
 * message has said why. */
bool screen_begin(void);

/** Gives the terminal back. */
void screen_end(void);

/**
 * Waits for a key, for fd to become readable, for a change of the terminal, or until then_ns;
 * answers signals meanwhile. Returns false when the terminal is gone.
 */
bool screen_wait(int fd, int64_t then_ns);

/** The next key that was pressed, a character or a screen_key; 0 if there is none. */
long screen_read_key(void);

/** Size in character cells, at least 1 each. */
int screen_lines(void);
int screen_columns(void);

/** Clears what will be drawn next. */
void screen_clear(void);

/** Shows what was drawn. */
void screen_show(void);

/**
 * Draws escaped text in so many columns of a line, aligned left, or right with its end at the last
 * of them. What does not fit is cut, with a mark. What lies outside the screen is not drawn.
 */
void screen_put(int line, int column, int width, const char *text, enum screen_style style);
void screen_put_right(int line, int column, int width, const char *text, enum screen_style style);

/** Paints a whole line in a style, before text is put there in the same style. */
void screen_paint(int line, enum screen_style style);

/** Whether bars and graphs may use characters beyond ASCII. */
bool screen_has_unicode(void);

#endif
