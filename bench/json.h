/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h: the report as a JSON document, all rounds included.
 */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdbool.h>

#include "result.h"

/** Writes a report to a file. Says on stderr what failed, and returns false then. */
bool json_write(const struct report *report, const char *path);

#endif
