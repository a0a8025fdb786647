/* SPDX-License-Identifier: Apache-2.0 */
/* check.h: CMocka, behind the headers that it needs before it, and random numbers. */
#ifndef OSMP_TESTS_CHECK_H
#define OSMP_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Number of elements of an array. */
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Runs tests, those from number n_always on only if all can be run here: CMocka's skip() prints
 * what Meson reads as a failure.
 */
#define check_run(name, tests, n_always, all)                                                      \
    _cmocka_run_group_tests(name, tests, (all) ? LENGTH(tests) : (n_always), NULL, NULL)

/* Whether an emulator of another processor runs the test: it starts no program of that processor's,
 * and no thread in a child of a process with threads. */
static inline bool
is_emulated(void)
{
    return getenv("OSMEMPOOL_TEST_EMULATED") != NULL;
}

#if defined(__SANITIZE_THREAD__)
#define CHECK_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHECK_UNDER_TSAN 1
#endif
#endif
#ifndef CHECK_UNDER_TSAN
#define CHECK_UNDER_TSAN 0
#endif

/* Whether ThreadSanitizer looks on, for which a lock stays taken in a child though it is made anew
 * there. */
static inline bool
is_under_tsan(void)
{
    return CHECK_UNDER_TSAN;
}

/* How many rounds: fewer where Valgrind looks on, for which threads are dear. */
static inline unsigned
rounds_of(unsigned usual, unsigned in_short)
{
    return getenv("OSMEMPOOL_TEST_SHORT") != NULL ? in_short : usual;
}

/* Says on stderr where a random test begins, so that a failure can be run again. */
static inline uint64_t
random_seed(uint64_t seed)
{
    fprintf(stderr, "# random numbers from seed %#llx\n", (unsigned long long)seed);
    return seed;
}

/* The next number of a sequence (xorshift64, G. Marsaglia, 2003); *state is not 0. */
static inline uint64_t
random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Whether a tool watches that nobody looks into free blocks: Valgrind or AddressSanitizer. */
bool free_blocks_are_hidden(void);

#endif
