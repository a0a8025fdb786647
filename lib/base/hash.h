/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h: spreads words, above all addresses, over all values. */
#ifndef OSMP_BASE_HASH_H
#define OSMP_BASE_HASH_H

#include <stdint.h>

/*
 * Addresses are often in arithmetic progression: blocks, or the stacks of threads. A multiplication
 * alone makes another progression of that, which with some distances falls into a few buckets. So
 * high bits are mixed into low ones before. The high bits of the result are the best. (The
 * multiplier: D. E. Knuth, The Art of Computer Programming 3, 6.4.)
 */
static inline uint64_t
hash_mix(uint64_t word)
{
    word ^= word >> 20;
    word ^= word >> 9;
    return word * 0x9e3779b97f4a7c15u;
}

#endif
