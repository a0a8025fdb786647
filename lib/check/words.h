/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h: the debug words, by OSMEMPOOL_DEBUG.
 *
 * WORD[,WORD...][:POOL-GLOB][;...], as "check" or "poison,track:net_*;fail=100:tcp_*"; the last
 * rule that matches wins.
 *
 * Synchronization: words_of() under the registry's mutex.
 */
#ifndef OSMP_CHECK_WORDS_H
#define OSMP_CHECK_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum word {
    WORD_CHECK = 1,
    WORD_POISON = 2,
    WORD_TRACK = 4,
    WORD_FENCE = 8,
    WORD_FAIL = 16,
};

/* Room for all words as one text. */
enum { WORDS_TEXT_MAX = 64 };

/* The words that the environment has for a pool of this name, 0 for none; with WORD_FAIL also
 * which gets fail: each fail_every-th. */
uint32_t words_of(const char *name, uint32_t *fail_every);

/* "check,fail=3" into WORDS_TEXT_MAX bytes. */
void words_text(char *text, uint32_t words, uint32_t fail_every);

#endif
