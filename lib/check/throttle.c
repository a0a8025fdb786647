/* SPDX-License-Identifier: Apache-2.0 */
#include "check/throttle.h"

#include "base/hash.h"

/*
 * A hash of one word stands for kind, pool and call site: a slot is then taken by one exchange, and
 * no thread waits for another. That two of 256 have the same hash, and one count, has a chance of
 * one in 10^14 (in 10^5 on 32-bit machines). Slots are never given back.
 */
struct throttle_slot {
    uintptr_t hash; /* 0: free */
    size_t n;
};

static struct throttle_slot throttle_slots[THROTTLE_MAX];

static uintptr_t
throttle_hash(int kind, uint64_t pool_id, const void *caller)
{
    uint64_t hash = hash_mix(hash_mix(hash_mix((uint64_t)kind) ^ pool_id) ^ (uintptr_t)caller);
    uintptr_t high = (uintptr_t)(hash >> (64 - 8 * sizeof(high)));

    return high != 0 ? high : 1;
}

/* Whether the slot is the hash's, perhaps from now on. Relaxed: nothing is read on the strength of
 * the hash but the count, which is one word. */
static bool
throttle_claim(struct throttle_slot *slot, uintptr_t hash)
{
    uintptr_t found = __atomic_load_n(&slot->hash, __ATOMIC_RELAXED);

    if (found == 0 && __atomic_compare_exchange_n(&slot->hash, &found, hash, false,
                                                  __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        return true;
    }
    return found == hash;
}

size_t
throttle_count(int kind, uint64_t pool_id, const void *caller)
{
    uintptr_t hash = throttle_hash(kind, pool_id, caller);
    size_t first = hash >> (8 * sizeof(hash) - THROTTLE_LOG);

    for (size_t i = 0; i < THROTTLE_MAX; i++) {
        struct throttle_slot *slot = &throttle_slots[(first + i) % THROTTLE_MAX];

        if (throttle_claim(slot, hash)) {
            /* Relaxed: each thread gets a number of its own, which is all that counts. */
            return __atomic_add_fetch(&slot->n, 1, __ATOMIC_RELAXED);
        }
    }
    return 0;
}
