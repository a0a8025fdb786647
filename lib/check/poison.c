/* SPDX-License-Identifier: Apache-2.0 */
#include "check/poison.h"

static const uintptr_t poison_word = (uintptr_t)-1 / 255 * POISON_BYTE;

struct poison
poison_of(void *block, size_t stride, uintptr_t key, const void *next, bool filled)
{
    return (struct poison){
        .block = block,
        .next = next,
        .key = key,
        .n_words = stride / sizeof(osmp_word),
        .filled = filled,
    };
}

size_t
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
poison_find_in(const struct poison *poison, const osmp_word *words, size_t first, size_t n)
{
    const unsigned char *bytes = (const unsigned char *)words;
    size_t i = 0;

    while (i < n && words[i] == poison_expected(poison, first + i)) {
        i++;
    }
    if (i == n) {
        return SIZE_MAX;
    }
    i *= sizeof(osmp_word);
    first *= sizeof(osmp_word);
    while (bytes[i] == poison_byte(poison, first + i)) {
        i++;
    }
    return first + i;
}

size_t
poison_find(const struct poison *poison)
{
    return poison_find_in(poison, osmp_words(poison->block), 0, poison_known(poison));
}
