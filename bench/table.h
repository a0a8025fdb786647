/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h: the report in words and columns, on standard output.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "result.h"

/** Prints who and what can be measured. */
void table_list(const struct report *report);

/** Prints on what and how it is measured, and who is missing. */
void table_head(const struct report *report);

/** Prints all results, then what they come to. */
void table_print(const struct report *report);

#endif
