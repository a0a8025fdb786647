/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fence.h: blocks in a mapping of their own, each up against an inaccessible page.
 *
 *     | limit | inaccessible | ...... block 0 | inaccessible | ...... block 1 | ... | limit |
 *
 * A block's pages are inaccessible, too, while it is free. The limits, which may be read, keep the
 * kernel from joining the mapping with a neighbour: it could then not be made accessible as a whole
 * when there are too many mappings already. Each block that is out makes two more
 * mappings for the kernel, of which a process may have some 65,000: fences take half of them at
 * most, so that the program has the rest.
 *
 * Synchronization: a fence under its pool's lock; the count of mappings is atomic.
 */
#ifndef OSMP_CHECK_FENCE_H
#define OSMP_CHECK_FENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fence {
    char *map; /* NULL if there is none */
    size_t map_bytes;
    size_t page_bytes;
    size_t block_bytes; /* whole pages that a block is at the end of */
    size_t n_maps;
};

/* Makes room for n blocks of a stride, all inaccessible; false if it is not to be had. */
bool fence_make(struct fence *fence, uint32_t n, size_t stride);

/* Address of the first block, and how far it is to the next. */
uintptr_t fence_first(const struct fence *fence, size_t stride);
size_t fence_step(const struct fence *fence);

/* Makes a block's pages accessible; false if the kernel refuses. */
bool fence_open(const struct fence *fence, uint32_t i);

/* Makes a block's pages, or all, inaccessible. */
void fence_close(const struct fence *fence, uint32_t i);
void fence_close_all(const struct fence *fence);

/* Gives up the fences: everything becomes accessible and one mapping; false if the kernel refuses
 * that, too. */
bool fence_drop(struct fence *fence);

/* Unmaps it all. */
void fence_end(struct fence *fence);

#endif
