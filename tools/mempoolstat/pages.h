/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.h: many small pieces of text that are freed together: in pages, one behind the other. None
 * is ever moved.
 */
#ifndef MEMPOOLSTAT_PAGES_H
#define MEMPOOLSTAT_PAGES_H

#include <stddef.h>

struct page {
    struct page *next;
    size_t n_bytes, room;
    char bytes[];
};

/* All zero: nothing yet. */
struct pages {
    struct page *first, *last;
};

/** Adds a copy of so many bytes, and returns it. */
char *pages_add(struct pages *pages, const char *bytes, size_t n);

/** Gives what one has to another. */
void pages_move(struct pages *to, struct pages *from);

void pages_free(struct pages *pages);

#endif
