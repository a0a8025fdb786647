/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h: a report as a scraper reads it.
 *
 * Each series is of one process or one pool, told by the labels pid, program and pool. No two
 * series of a report are equal: the second pool of a name in a process has the label index="2" and
 * so on; of processes that share number and program (in containers), each has the label socket.
 */
#ifndef MEMPOOLSTAT_METRICS_H
#define MEMPOOLSTAT_METRICS_H

#include <stdio.h>

#include "model.h"

enum metrics_form {
    METRICS_TEXT,        /* the text format 0.0.4 of Prometheus */
    METRICS_OPENMETRICS, /* OpenMetrics 1.0 */
    METRICS_N_FORMS,
};

/** The value of Content-Type that goes with a form. */
const char *metrics_content_type(enum metrics_form form);

/** Prints what a report shows, and who could not be read. */
void metrics_print(FILE *out, const struct report *report, enum metrics_form form);

#endif
