/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h: a report as a scraper reads it.
 *
 * Each series is of one process or one pool, told by the labels pid, program, pool and
 * id, which stays with a pool of a name whatever comes and goes beside it. No two series of a
 * report are equal: where the library tells no id, the second pool of a name in a process has the
 * label index="2" and so on. What a process is called depends on no other one: the label socket is
 * there where the number is not that of who answers by our counting (in containers), where nobody
 * can tell, and where a process was not read.
 */
#ifndef MEMPOOLSTAT_METRICS_H
#define MEMPOOLSTAT_METRICS_H

#include <stdbool.h>
#include <stdio.h>

#include "model.h"

enum metrics_form {
    METRICS_TEXT,        /* the text format 0.0.4 of Prometheus */
    METRICS_OPENMETRICS, /* OpenMetrics 1.0 */
    METRICS_N_FORMS,
};

/** The value of Content-Type that goes with a form. */
const char *metrics_content_type(enum metrics_form form);

/* Metrics of a report on their way out, piece by piece. */
struct exposition;

/** The report must stay until it is over. */
struct exposition *metrics_begin(const struct report *report, enum metrics_form form);

/** Prints the next piece, of some lines. Returns false if there is none. */
bool metrics_print_next(struct exposition *exposition, FILE *out);

void metrics_end(struct exposition *exposition);

#endif
