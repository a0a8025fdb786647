/* SPDX-License-Identifier: Apache-2.0 */
/*
 * difference.h: two saved documents, process by process.
 */
#ifndef MEMPOOLSTAT_DIFFERENCE_H
#define MEMPOOLSTAT_DIFFERENCE_H

#include "options.h"

/** Reads the two files and prints what has changed. Returns an exit status. */
int difference_run(const struct options *options);

#endif
