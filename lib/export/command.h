/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h: what the exporter can be asked for: one line in, one JSON document out.
 *
 * Synchronization: command_answer() is called by the exporter's thread alone. command_add() is
 * called before an exporter may run: by a constructor with a priority, as the one that reads
 * OSMEMPOOL_EXPORT has none and so comes later.
 */
#ifndef OSMP_EXPORT_COMMAND_H
#define OSMP_EXPORT_COMMAND_H

#include <stddef.h>

#include "snapshot/json.h"

/* Bytes in a request's line, without its end. */
enum { COMMAND_LINE_MAX = 256 };

struct command {
    const char *name;
    const char *argument; /* what its argument is called; NULL if it takes none */
    const char *help;     /* what it does, in a few words */
    /* Writes one JSON value. The argument is "" if the command takes none. */
    void (*answer)(struct json *json, const char *argument);
};

/* Adds a command, whose memory stays the caller's and must stay. Returns 0 or -ENOSPC. */
int command_add(const struct command *command);

/*
 * The answer to a line of n bytes, which are changed; line[n] must be writable. The caller frees
 * it. NULL if there is no memory. What is wrong with a line is an answer too: {"error":…}.
 */
char *command_answer(char *line, size_t n, size_t *answer_bytes);

#endif
