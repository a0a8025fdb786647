/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h: what the exporter can be asked for: one line in, one JSON document out.
 *
 * A line is a verb and, for some, an argument: "VERB" or "VERB POOL-GLOB". The verbs stand in one
 * table in command.c. A verb that touches pools is a function that the rooms below hand over; it
 * returns plain text, so export/ itself never sees a pool.
 *
 * Synchronization: called by the exporter's thread alone.
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

/*
 * The answer to a line of n bytes, which are changed; line[n] must be writable. The caller frees
 * it. NULL if there is no memory. What is wrong with a line is an answer too: {"error":…}.
 */
char *command_answer(char *line, size_t n, size_t *answer_bytes);

#endif
