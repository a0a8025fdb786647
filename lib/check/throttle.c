/* SPDX-License-Identifier: Apache-2.0 */
#include "check/throttle.h"

#include "base/hash.h"

/*
 * A hash of one word stands for kind, pool and call site, so that one exchange takes a slot and no
 * thread waits for another. Two of 256 reports share a hash, and then a count, with a probability
 * of 10^-14 (10^-5 on 32-bit machines). A slot is never given back.
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

/* Takes the slot for the hash if it is free; true if it is the hash's. Relaxed: the hash publishes
 * nothing but the count, which is one word. */
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
            /* Relaxed: only the numbers must differ. */
            return __atomic_add_fetch(&slot->n, 1, __ATOMIC_RELAXED);
        }
    }
    return 0;
}
