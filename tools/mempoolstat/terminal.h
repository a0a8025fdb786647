/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.h: what the data base of terminals knows of ours.
 */
#ifndef MEMPOOLSTAT_TERMINAL_H
#define MEMPOOLSTAT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/** Whether there is a terminal that can be drawn on; if not, a message has said why. */
bool terminal_is_fit(void);

/** What a fit terminal must be sent to leave the full screen. Returns its length. */
size_t terminal_leaving(const char **text);

#endif
