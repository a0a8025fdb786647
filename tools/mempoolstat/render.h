/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.h: the forms of a report, one file each: render_table.c and so on.
 */
#ifndef MEMPOOLSTAT_RENDER_H
#define MEMPOOLSTAT_RENDER_H

#include <stdio.h>

#include "holding.h"
#include "model.h"

/** Prints what a report shows. Failures to write are left to the stream's error mark. */
typedef void render_fn(FILE *out, const struct report *report);

/** Columns of newtmgr, then use, rates, failures and cached blocks. The default. */
render_fn render_table;

/** The table of newtmgr's "mpstat", to the byte. */
render_fn render_mynewt;

/** The documents as they were served. */
render_fn render_json;

/** Comma-separated values, one line per pool. */
render_fn render_csv;

/** Metrics in OpenMetrics 1.0, see metrics.h. */
render_fn render_openmetrics;

/** One line per process. */
render_fn render_list;

/** Who holds the blocks, pool by pool; of DOCUMENT_HOLDERS. */
render_fn render_holders;

/** The holders of one pool. */
void render_holding(FILE *out, const struct holding *holding, bool with_registration);

/** Which registration a pool is, when and where it was made (NULL: not known); to be freed. */
char *registration_text(int64_t id, int64_t time, const struct call_site *by);

/**
 * What has changed between two documents of a process, of which one may be NULL; apart: behind a
 * blank line. Returns whether anything was printed: not where no pool is chosen.
 */
bool render_difference(FILE *out, struct process *process, struct process *earlier,
                       const struct choice *choice, bool apart);

/** What was found in each pool; of DOCUMENT_CHECKS. */
render_fn render_checks;

/** The new low-water marks; of DOCUMENT_RESET. */
render_fn render_reset;

/** The line above the pools of a process, where a report has several. */
void render_heading(FILE *out, const struct report *report, size_t i);

#endif
