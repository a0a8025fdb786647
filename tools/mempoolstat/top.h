/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top.h: the pools of all processes on a full screen, again and again. Where the build has no
 * library for terminals, top_none.c stands in.
 */
#ifndef MEMPOOLSTAT_TOP_H
#define MEMPOOLSTAT_TOP_H

#include "options.h"

/** Shows pools until the user quits. Returns an exit status. */
int top_run(const struct options *options);

#endif
