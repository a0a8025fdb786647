/* SPDX-License-Identifier: Apache-2.0 */
#include "check/poison.h"

#include "layout/geometry.h"

static const uintptr_t poison_word = (uintptr_t)-1 / 255 * POISON_BYTE;

struct poison
poison_of(const struct os_mempool *mp, void *block, const void *next, bool filled)
{
    return (struct poison){
        .block = block,
        .next = next,
        .key = osmp_key(mp, block),
        .n_words = geometry_stride(mp) / sizeof(osmp_word),
        .filled = filled,
    };
}

/* How many words of the block are known: without the pattern the first two. */
static size_t
poison_known(const struct poison *poison)
{
    return poison->filled || poison->n_words < 2 ? poison->n_words : 2;
}

static uintptr_t
poison_expected(const struct poison *poison, size_t word)
{
    if (word == OSMP_LINK) {
        return (uintptr_t)poison->next;
    }
    return word == OSMP_KEY ? poison->key : poison_word;
}

void
poison_set(const struct poison *poison)
{
    osmp_word *words = osmp_words(poison->block);

    for (size_t i = 0; i < poison_known(poison); i++) {
        words[i] = poison_expected(poison, i);
    }
}

unsigned char
poison_byte(const struct poison *poison, size_t offset)
{
    uintptr_t word = poison_expected(poison, offset / sizeof(osmp_word));

    return ((const unsigned char *)&word)[offset % sizeof(osmp_word)];
}

size_t
poison_find(const struct poison *poison)
{
    const osmp_word *words = osmp_words(poison->block);
    const unsigned char *bytes = poison->block;
    size_t i = 0;

    while (i < poison_known(poison) && words[i] == poison_expected(poison, i)) {
        i++;
    }
    if (i == poison_known(poison)) {
        return SIZE_MAX;
    }
    i *= sizeof(osmp_word);
    while (bytes[i] == poison_byte(poison, i)) {
        i++;
    }
    return i;
}
