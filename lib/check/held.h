/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held.h: who holds the blocks of a pool, in a fixed amount of memory.
 *
 * Synchronization: none; filled in under the pool's lock, read by who filled it in.
 */
#ifndef OSMP_CHECK_HELD_H
#define OSMP_CHECK_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "os/os_mempool.h"

/* So many call sites are told apart; the blocks of others are counted together. */
enum { HELD_SITES = 8 };

struct held_site {
    uintptr_t caller;
    uint64_t oldest_us; /* monotonic time of its oldest get */
    uint32_t n;
    uint32_t thread; /* that got the oldest */
};

struct held {
    uint32_t n_blocks;
    uint32_t n_out;
    uint32_t n_sites;
    uint32_t n_others;
    bool tracked;
    struct held_site sites[HELD_SITES];
};

#endif
