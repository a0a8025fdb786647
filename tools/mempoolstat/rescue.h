/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rescue.h: what a signal does to a program that has the terminal: it gives the terminal back and
 * dies of that signal. All that is needed is prepared before; the handler only writes it out.
 */
#ifndef MEMPOOLSTAT_RESCUE_H
#define MEMPOOLSTAT_RESCUE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * From now on each signal that would end the program restores the terminal first: its modes as they
 * are now, and the text that leaves the full screen. Signals that are ignored stay so.
 *
 * @return  false if the terminal has no modes; then nothing has changed.
 */
bool rescue_begin(int fd, const char *text, size_t n_bytes);

/** Restores the terminal now, as the handler does. */
void rescue_now(void);

/**
 * Gives the terminal back by a function, and leaves it alone from then on, so that no signal does
 * the same once more when others have it.
 */
void rescue_rest(void (*give_back)(void));

/** The terminal is about to be taken again. */
void rescue_resume(void);

/** The signals end the program as before. The terminal must have been restored. */
void rescue_end(void);

#endif
