/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbol.h: from addresses to functions, and to lines of source where debug information is found.
 * Where the build has no reader of it, symbol_none.c stands in, and no line is ever found.
 */
#ifndef MEMPOOLSTAT_SYMBOL_H
#define MEMPOOLSTAT_SYMBOL_H

#include "model.h"

/* What all lines of a report may take together. */
#define SYMBOL_BUDGET_NS ((int64_t)2000000000)

/**
 * Looks up the lines, and the functions, of all places that hold blocks of a process. What takes
 * longer than is left, or damages the reader of debug information, has none. Always to be called by
 * the same thread.
 *
 * @param left_ns  What is left of the report's time, and afterwards what is left then.
 */
void symbol_find_lines(struct process *process, int64_t *left_ns);

#endif
