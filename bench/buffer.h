/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer.h: memory for pools: on a cache line boundary, so that luck with addresses is no part of
 * the result, and written once, so that no page fault is either.
 */
#ifndef BENCH_BUFFER_H
#define BENCH_BUFFER_H

#include <stdlib.h>
#include <string.h>

#include "die.h"

#define BUFFER_ALIGNMENT 64

/** A new buffer; to be freed with free(). Never NULL. */
static inline void *
buffer_new(size_t bytes)
{
    void *buffer;

    if (posix_memalign(&buffer, BUFFER_ALIGNMENT, bytes) != 0) {
        die("no memory for a buffer of %zu bytes; choose smaller cases with --case", bytes);
    }
    memset(buffer, 0, bytes);
    return buffer;
}

#endif
