/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h: the scrape endpoint. One thread; at any moment it either asks the processes or talks
 * with scrapers. The build chooses the body: listen_microhttpd.c, or listen_none.c without the
 * library.
 */
#ifndef MEMPOOLSTAT_LISTEN_H
#define MEMPOOLSTAT_LISTEN_H

#include "options.h"

/** Serves metrics at options->address until SIGTERM or SIGINT comes. Returns an exit status. */
int listen_run(const struct options *options);

#endif
