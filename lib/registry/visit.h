/* SPDX-License-Identifier: Apache-2.0 */
/*
 * visit.h: what may be done to pools from outside of the program, one pool at a time.
 *
 * A visit is a plain record. It names a pool by its address, which is looked up in the registry
 * each time and never followed before, so the pool may be unregistered and freed between two tries.
 *
 * Synchronization: each function takes the registry's mutex itself, and holds it no longer than a
 * try, and the work in one pool, take. None waits for a thread that stays in a pool.
 */
#ifndef OSMP_REGISTRY_VISIT_H
#define OSMP_REGISTRY_VISIT_H

#include <stddef.h>

#include "pool/pool.h"
#include "registry/identity.h"

enum visit_state {
    VISIT_BUSY, /* not yet had, or in use at each try */
    VISIT_DONE,
    VISIT_GONE, /* unregistered meanwhile */
};

/* Who holds the blocks of a pool. */
struct visit_holders {
    uint32_t block_size;
    uint32_t num_blocks;
    uint32_t n_out;
    bool tracked;
    struct trace_end *gets; /* of the blocks that are out, if tracked; visit_holders_end() */
    size_t room;            /* for so many */
};

struct visit {
    const struct os_mempool *pool;
    struct identity identity; /* of its registration */
    char name[OS_MEMPOOL_INFO_NAME_LEN];
    enum visit_state state;
    struct pool_damage damage; /* that a check has found */
    uint32_t min_free;         /* after a reset */
    struct visit_holders holders;
};

/*
 * Begins a visit of each of up to room pools, in order of registration, and returns the number of
 * pools that there are.
 */
size_t visit_all(struct visit *visits, size_t room);

/* Tries to check a pool. */
void visit_check(struct visit *visit);

/* Tries to find out who holds a pool's blocks. */
void visit_holders(struct visit *visit);

void visit_holders_end(struct visit_holders *holders);

/* Tries to start a pool's low-water mark again. */
void visit_reset_min(struct visit *visit);

#endif
