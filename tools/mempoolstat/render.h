/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.h: the forms of a report, one file each: render_table.c and so on.
 */
#ifndef MEMPOOLSTAT_RENDER_H
#define MEMPOOLSTAT_RENDER_H

#include <stdio.h>

#include "model.h"

/** Prints what a report shows. Failures to write are left to the stream's error mark. */
typedef void render_fn(FILE *out, const struct report *report);

/** Columns of newtmgr, then use, rates, failures and cached blocks. The default. */
render_fn render_table;

/** The table of newtmgr's "mpstat", to the byte. */
render_fn render_mynewt;

/** The documents as they were served. */
render_fn render_json;

/** One line per process. */
render_fn render_list;

/** The line above the pools of a process, where a report has several. */
void render_heading(FILE *out, const struct report *report, size_t i);

#endif
