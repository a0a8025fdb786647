/* SPDX-License-Identifier: Apache-2.0 */
/*
 * poison.h: what a free block of a checked pool holds, where its memory can be touched.
 *
 * Its link and its key, as in any pool, but for looks alone: the list is in lib/check/. And, under
 * the word poison, a pattern in all the rest of its stride.
 *
 * Synchronization: under the pool's lock.
 */
#ifndef OSMP_CHECK_POISON_H
#define OSMP_CHECK_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/os_mempool_inline.h"

/* Odd, and no address of any machine when repeated: a pointer made of it traps. */
enum { POISON_BYTE = 0xa5 };

struct poison {
    void *block;
    const void *next; /* the block that its link leads to */
    uintptr_t key;
    size_t n_words;
    bool filled;
};

/* What a free block of a given stride should hold, and which one is next. */
struct poison poison_of(void *block, size_t stride, uintptr_t key, const void *next, bool filled);

/* Makes the block hold it. */
void poison_set(const struct poison *poison);

/* How many words of the block are known: without the pattern the first two. */
size_t poison_known(const struct poison *poison);

/* The offset of the first byte that is not so; SIZE_MAX if all is well. */
size_t poison_find(const struct poison *poison);

/* The same of a copy of some of its words: n of those that are known, from number first on. */
size_t poison_find_in(const struct poison *poison, const osmp_word *words, size_t first, size_t n);

/* What should be at an offset. */
unsigned char poison_byte(const struct poison *poison, size_t offset);

#endif
