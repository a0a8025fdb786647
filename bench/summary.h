/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary.h: what the report comes to: this library beside malloc, in the headline cases.
 */
#ifndef BENCH_SUMMARY_H
#define BENCH_SUMMARY_H

#include "result.h"

/** Prints a row for each headline case, and who is faster in how many; nothing if there is none. */
void summary_print(const struct report *report);

#endif
