/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "text.h"

/* Set while only one thread runs. */
static message_fn *message_taker;

void
message_redirect(message_fn *taker)
{
    message_taker = taker;
}

void
message_print(const char *format, ...)
{
    char *line = NULL, *escaped;
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(&line, format, args);
    va_end(args);
    if (length < 0) {
        fputs("mempoolstat: out of memory\n", stderr);
        return;
    }
    escaped = text_escape_line(line);
    if (message_taker != NULL) {
        message_taker(escaped);
    } else {
        fprintf(stderr, "mempoolstat: %s\n", escaped);
        free(escaped);
    }
    free(line);
}
