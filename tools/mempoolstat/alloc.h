/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.h: memory that is there or ends the program. An inspector that has no memory left has
 * nothing better to do than to say so.
 */
#ifndef MEMPOOLSTAT_ALLOC_H
#define MEMPOOLSTAT_ALLOC_H

#include <stddef.h>

/** Called before the lack of memory ends the program, by any thread. */
void alloc_before_end(void (*fn)(void));

/** Changes an array (NULL: a new one) to n elements of size bytes. Never NULL, also for n 0. */
void *alloc_array(void *array, size_t n, size_t size);

/** Room for one more element in an array of n that grows by this function alone: it doubles. */
void *alloc_one_more(void *array, size_t n, size_t size);

/** A copy of a string, to be freed. */
char *alloc_copy(const char *string);

/** As sprintf(), into a new string, to be freed. */
char *alloc_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
