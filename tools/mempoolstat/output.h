/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h: stdout. A report is made in memory first and then written as one: a reader never gets
 * half a line of an interrupted report, and no failure to write gets lost.
 */
#ifndef MEMPOOLSTAT_OUTPUT_H
#define MEMPOOLSTAT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/** Takes descriptors 0 to 2 where they are closed, so that no socket gets one of them. */
void output_occupy_streams(void);

/** Whether stdout is a terminal that shows colours, and the user has not said NO_COLOR. */
bool output_takes_colour(void);

/** A stream to print a report to, for output_finish(). */
FILE *output_begin(void);

/** Writes what was printed to stdout. Returns an exit status, after a message unless it is fine. */
int output_finish(FILE *stream);

/** Closes stdout: the last word, since some file systems report a failure only here. As above. */
int output_close(void);

#endif
