/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h: stdout. A report is written as it is made, through a buffer, and never kept as a whole:
 * its text has no limit. No failure to write gets lost.
 */
#ifndef MEMPOOLSTAT_OUTPUT_H
#define MEMPOOLSTAT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/** Takes descriptors 0 to 2 where they are closed, so that no socket gets one of them. */
void output_occupy_streams(void);

/** Whether stdout is a terminal that shows colours, and the user has not said NO_COLOR. */
bool output_takes_colour(void);

/** A stream to print a report to, for output_finish(). After a failure it prints nothing. */
FILE *output_begin(void);

/** Writes what is left in the buffer. Returns an exit status, after a message unless it is fine. */
int output_finish(FILE *stream);

/** Closes stdout: the last word, since some file systems report a failure only here. As above. */
int output_close(void);

#endif
