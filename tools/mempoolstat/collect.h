/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.h: from the options to a report: finds, asks and reads, and says what went wrong.
 */
#ifndef MEMPOOLSTAT_COLLECT_H
#define MEMPOOLSTAT_COLLECT_H

#include <stdbool.h>

#include "model.h"
#include "options.h"

/**
 * Fills a report.
 *
 * @param earlier  The last report, for rates, or NULL for the first one. Processes that answer too
 *                 late move from it to the new report, unshown; that one has ended is said.
 * @return  Whether the report shows a process, or could do so later since one was only late. Where
 *          not, a message has said why.
 */
bool collect_report(const struct options *options, struct report *earlier, struct report *report);

/** Whether there is something to print: also the absent, if processes are listed. */
bool collect_has_rows(const struct options *options, const struct report *report);

#endif
