/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h: opens what others may have put there. A path that leads through /proc/PID/root, or
 * through that of a thread, stays below that root: what its owner made a link of is not followed.
 */
#ifndef MEMPOOLSTAT_PLACE_H
#define MEMPOOLSTAT_PLACE_H

#include <stdbool.h>

/** Opens with flags of open(), but no link at the end. Returns a descriptor, or -1 with errno. */
int place_open(const char *path, int flags);

/** The path below a root; NULL unless it leads through /proc/PID/root. */
const char *place_below_root(const char *path);

#endif
