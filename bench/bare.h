/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare.h: the limit that the pool is measured against: a LIFO list of blocks and nothing else, in
 * a shared library of its own, so that it is called the same way as the pool. Then the same list
 * inside a lock, the limit for a pool that threads share.
 *
 * None of these checks anything, counts anything, or knows who calls. They are called like the
 * pool's own functions, past the procedure linkage table where the compiler can do so.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/os_mempool.h"

struct bare_list {
    void *first;
};

struct bare_mutex {
    struct bare_list list;
    pthread_mutex_t mutex;
};

struct bare_spin {
    struct bare_list list;
    atomic_bool taken;
};

/** Chains the blocks of a buffer in ascending order of address. */
void bare_list_format(struct bare_list *list, void *buffer, uint32_t n_blocks, size_t block_bytes);

OSMP_NOPLT void *bare_list_get(struct bare_list *list);
OSMP_NOPLT void bare_list_put(struct bare_list *list, void *block);

/** The same inside a pthread mutex. */
OSMP_NOPLT void *bare_mutex_get(struct bare_mutex *bare);
OSMP_NOPLT void bare_mutex_put(struct bare_mutex *bare, void *block);

/** The same inside a spinlock that yields the CPU after a while. */
OSMP_NOPLT void *bare_spin_get(struct bare_spin *bare);
OSMP_NOPLT void bare_spin_put(struct bare_spin *bare, void *block);

#endif
