/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram.h: counts durations in buckets that are at most 1/32 wide of their value, so that
 * percentiles of any number of samples need a few kilobytes and no sorting.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 5
#define HISTOGRAM_BUCKETS  ((64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

struct histogram {
    uint64_t n_samples;
    uint64_t worst_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/** Bucket of a duration: exact below 32 ns, then 32 buckets for each power of two. */
static inline uint32_t
histogram_bucket(uint64_t ns)
{
    uint32_t shift;

    if (ns < (UINT64_C(1) << HISTOGRAM_SUB_BITS)) {
        return (uint32_t)ns;
    }
    shift = 63 - (uint32_t)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (uint32_t)(ns >> shift);
}

static inline void
histogram_add(struct histogram *hist, uint64_t ns)
{
    hist->buckets[histogram_bucket(ns)]++;
    hist->n_samples++;
    if (ns > hist->worst_ns) {
        hist->worst_ns = ns;
    }
}

/** Adds all samples of one histogram to another. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/** The duration that a share (0 to 1) of all samples does not exceed, 0 without samples. */
uint64_t histogram_percentile(const struct histogram *hist, double share);

#endif
