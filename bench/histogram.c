/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

/* The lowest duration that falls into a bucket: histogram_bucket() backwards. */
static uint64_t
bucket_floor_ns(uint32_t bucket)
{
    uint32_t shift;

    if (bucket < (1u << (HISTOGRAM_SUB_BITS + 1))) {
        return bucket;
    }
    shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    return (uint64_t)(bucket - (shift << HISTOGRAM_SUB_BITS)) << shift;
}

void
histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
    into->n_samples += from->n_samples;
    if (from->worst_ns > into->worst_ns) {
        into->worst_ns = from->worst_ns;
    }
}

uint64_t
histogram_percentile(const struct histogram *hist, double share)
{
    uint64_t wanted = (uint64_t)((double)hist->n_samples * share);
    uint64_t seen = 0;

    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen > wanted) {
            return bucket_floor_ns(i);
        }
    }
    return hist->worst_ns;
}
