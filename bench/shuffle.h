/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shuffle.h: orders that are the same in every run.
 */
#ifndef BENCH_SHUFFLE_H
#define BENCH_SHUFFLE_H

#include <stdbool.h>
#include <stdint.h>

/** The numbers 0 to n - 1, ascending or shuffled; to be freed with free(). Never NULL. */
uint32_t *shuffle_new(uint32_t n, bool shuffled);

#endif
