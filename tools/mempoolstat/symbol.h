/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbol.h: from addresses to functions, and to lines of source where debug information is found.
 * Where the build has no reader of it, symbol_none.c stands in, and no line is ever found.
 */
#ifndef MEMPOOLSTAT_SYMBOL_H
#define MEMPOOLSTAT_SYMBOL_H

#include "model.h"

/**
 * Looks up the lines, and the functions, of all places that hold blocks of a process. What takes
 * longer than two seconds, or damages the reader of debug information, has none. Always to be
 * called by the same thread.
 */
void symbol_find_lines(struct process *process);

#endif
