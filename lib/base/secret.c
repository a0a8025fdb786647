/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <stdbool.h>
#include <sys/random.h>
#include <time.h>

#include "base/hash.h"

/*
 * Relaxed: the word stands alone, and of two threads that make one at once the exchange lets both
 * go on with the same.
 */
static uintptr_t secret;

/* No entropy yet, or the call filtered: the clock and an address still differ between runs. */
static uintptr_t
secret_make(void)
{
    struct timespec now;
    uintptr_t word;

    if (getrandom(&word, sizeof(word), GRND_NONBLOCK) != (ssize_t)sizeof(word)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        word = (uintptr_t)&now * 2654435761u ^ (uintptr_t)now.tv_nsec;
    }
    return word | 1;
}

uintptr_t
secret_word(void)
{
    uintptr_t word = __atomic_load_n(&secret, __ATOMIC_RELAXED);
    uintptr_t made;

    if (word != 0) {
        return word;
    }
    made = secret_make();
    return __atomic_compare_exchange_n(&secret, &word, made, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED)
               ? made
               : word;
}

/* The lowest bit is the process's word's. */
uintptr_t
secret_of(const void *owner)
{
    return secret_word() ^ ((uintptr_t)hash_mix((uintptr_t)owner) & ~(uintptr_t)1);
}
