/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h: what the exporter can be asked for: one line in, one JSON document out.
 *
 * A line is a verb and, for some, an argument: "VERB" or "VERB POOL-GLOB". The verbs stand in one
 * table in command.c. What touches pools is done by functions of the rooms below, which give back
 * text: export/ itself never sees a pool. A verb that needs pools' locks is a task, done in steps
 * that do not wait, as the thread that does them has other clients.
 *
 * Synchronization: called by the exporter's thread alone, but for command_read_environment(), which
 * is called before that thread is started.
 */
#ifndef OSMP_EXPORT_COMMAND_H
#define OSMP_EXPORT_COMMAND_H

#include <stddef.h>

#include "snapshot/task.h"

enum {
    COMMAND_LINE_MAX = 256, /* bytes in a request's line, without its end */
    COMMAND_TASK_MS = 1000, /* how long a task goes on, as pools are in use */
};

/* Reads whether commands that change something are allowed: OSMEMPOOL_EXPORT_WRITE=1. */
void command_read_environment(void);

/*
 * The answer to a line of n bytes, which are changed; line[n] must be writable. The caller frees
 * it. What is wrong with a line is an answer too: {"error":…}. If NULL, *task is what must be done
 * first, for command_finish() in the end; if that is NULL too, there is no memory.
 */
char *command_answer(char *line, size_t n, size_t *answer_bytes, struct task **task);

/* The answer that a task leads to, likewise. The task is ended. */
char *command_finish(struct task *task, size_t *answer_bytes);

#endif
