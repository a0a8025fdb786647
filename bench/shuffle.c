/* SPDX-License-Identifier: Apache-2.0 */
#include "shuffle.h"
#include "die.h"

/* xorshift32 with a fixed seed: everybody gets the same order. */
static uint32_t
next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

uint32_t *
shuffle_new(uint32_t n, bool shuffled)
{
    uint32_t *order = die_calloc(n, sizeof(*order));
    uint32_t state = 2463534242u;

    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (uint32_t i = n; shuffled && i > 1; i--) {
        uint32_t other = next_random(&state) % i;
        uint32_t kept = order[i - 1];

        order[i - 1] = order[other];
        order[other] = kept;
    }
    return order;
}
