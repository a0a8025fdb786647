/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.h: work in all pools that a pattern names, done in short steps, and the document that tells
 * of it.
 *
 * A pool that is in use is tried again in the next step, so that who does the steps, the exporter's
 * thread, has time for others in between and is stopped by no pool.
 *
 * Synchronization: a task is one thread's. What it calls takes the locks that it needs.
 */
#ifndef OSMP_SNAPSHOT_TASK_H
#define OSMP_SNAPSHOT_TASK_H

#include <stdbool.h>

#include "snapshot/json.h"

struct task;
struct task_kind;

/* Checks pools as os_mempool_is_sane() does, and says what is wrong. */
extern const struct task_kind task_check;

/* Finds out who holds the pools' blocks: holders.h. */
extern const struct task_kind task_holders;

/* Starts the pools' low-water marks again, as os_mempool_min_reset() does. */
extern const struct task_kind task_reset_min;

/* Begins with the pools that there are now. NULL if there is no memory. */
struct task *task_begin(const struct task_kind *kind, const char *glob);

/* Goes through what is left, for some milliseconds at most. True when nothing is left. */
bool task_step(struct task *task);

/* Writes the document. What is left then is said to be busy. */
void task_write(struct json *json, const struct task *task);

void task_end(struct task *task);

#endif
