/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h: the words to the user, on stderr, and the exit codes.
 */
#ifndef MEMPOOLSTAT_MESSAGE_H
#define MEMPOOLSTAT_MESSAGE_H

enum exit_code {
    EXIT_FINE = 0,
    EXIT_WARNING = 1,
    EXIT_CRITICAL = 2,
    EXIT_NOTHING = 3, /* nothing to read, or nothing to write to */
    EXIT_USAGE = 64,
};

/**
 * Prints one line on stderr, behind "mempoolstat: ". Whatever a file or a server has put into the
 * arguments, the line stays one line and the terminal unharmed: it is escaped as a whole.
 */
void message_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Takes an escaped line over, to be freed; called by any thread. */
typedef void message_fn(char *line);

/** Messages go to a function from now on; NULL: to stderr. To be called by the only thread. */
void message_redirect(message_fn *taker);

#endif
