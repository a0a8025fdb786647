/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.h: figures as the report shows them.
 */
#ifndef BENCH_NUMBER_H
#define BENCH_NUMBER_H

#include <stdio.h>

#define NUMBER_BYTES 32

/** Three digits that count, and more only before the point. */
static inline void
number_format(char text[NUMBER_BYTES], double value)
{
    snprintf(text, NUMBER_BYTES, "%.*f", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value);
}

#endif
