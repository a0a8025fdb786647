/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scratch.h: an array of pointers on the caller's stack, or, if it is long, in a mapping.
 *
 * For bulk calls whose array lies in the pool's own blocks: a block that is put is written, and so
 * would be the array. Not malloc's memory, as malloc itself may use a pool.
 *
 * Synchronization: none; it belongs to the function that has it. Begun and ended with no lock held.
 */
#ifndef OSMP_POOL_SCRATCH_H
#define OSMP_POOL_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCRATCH_ON_STACK = 128 };

struct scratch {
    void **array;
    size_t map_bytes; /* 0: it is on the stack */
    void *on_stack[SCRATCH_ON_STACK];
};

/* Room for n pointers; false if there is no memory. */
bool scratch_begin(struct scratch *scratch, uint32_t n);
void scratch_end(struct scratch *scratch);

#endif
