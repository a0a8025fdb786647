/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.h: from the options to a report: finds, asks and reads, and says what went wrong.
 */
#ifndef MEMPOOLSTAT_COLLECT_H
#define MEMPOOLSTAT_COLLECT_H

#include <stdbool.h>

#include "client.h"
#include "discover.h"
#include "model.h"
#include "options.h"
#include "request.h"

/**
 * Fills a report.
 *
 * @param earlier  The last report, for rates, or NULL for the first one. Processes that answer too
 *                 late move from it to the new report, unshown; that one has ended is said.
 * @return  Whether the report shows a process, or could do so later since one was only late. Where
 *          not, a message has said why.
 */
bool collect_report(const struct options *options, struct report *earlier, struct report *report);

/* What was asked and answered, before it is compared with what was known. */
struct collection {
    struct target_list targets;
    struct request request;
    struct answer *answers; /* one for each target */
    struct report report;
    bool late; /* one of them was */
};

/**
 * The half of collect_report() that waits for processes. It knows nothing of earlier reports, so
 * that a thread may do it while one is shown.
 */
void collection_gather(const struct options *options, struct collection *collection);

/** The other half, with the parameters and the result of collect_report(). Frees the collection. */
bool collection_finish(const struct options *options, struct collection *collection,
                       struct report *earlier, struct report *report);

/** Shows what a file holds. Returns whether it could be read; if not, a message has said why. */
bool collect_file(const struct options *options, const char *path, struct report *report);

#endif
