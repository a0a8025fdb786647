/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tail.h: the private part of struct os_mempool, and the only place that casts to it.
 *
 * The public struct reserves osmp_tail for it, so that neither a build option nor a new version
 * changes the size of what callers allocate.
 */
#ifndef OSMP_LAYOUT_TAIL_H
#define OSMP_LAYOUT_TAIL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "os/os_mempool.h"
#include "sync/lock.h"

/* Why a pool's lock is not to be had just now; read and written under that lock. */
enum pool_gate {
    POOL_GATE_FROZEN = 1,     /* a thread forks: wait for the freeze */
    POOL_GATE_FIRST_CALL = 2, /* a forked child's first pool call has things to do first */
    POOL_GATE_RETIRED = 4,    /* unregistered: free blocks come to the list first */
};

/* What keeps a pool under its lock from the plain get and put: any of these. */
enum pool_unusual {
    POOL_NO_KEY = 1,  /* blocks of one word have no room for a key */
    POOL_CACHED = 2,  /* blocks may be in caches, and keys in other places */
    POOL_CHECKED = 4, /* each get and put is lib/check/'s */
    POOL_WATCHED = 8, /* Valgrind is told before a word is read that its user may not have set */
};

/* A thread's pointer, 0 for nobody's, and its cache. */
struct __attribute__((may_alias)) pool_near {
    uintptr_t tp;
    struct cache *cache;
};

enum { POOL_NEAR = 2 };

/*
 * What the library keeps for a pool outside its struct, and must free: in the registry's node, as
 * the struct may be gone by then. Written under the registry's mutex. Who takes a pointer out by an
 * exchange frees what it points to: the registry, or a call of a pool that is unregistered, which
 * holds the pool's lock alone.
 */
struct pool_keep {
    struct cache_set *caches;
    struct record *record;
};

/* may_alias: its bytes are declared as uint64_t in the public struct. */
struct __attribute__((may_alias)) pool_tail {
    /* What each operation under the lock touches, side by side. */
    struct lock lock;
    uint32_t gate;                    /* enum pool_gate, 0 for none */
    uint32_t unusual;                 /* enum pool_unusual, 0 for none */
    uint32_t run;                     /* operations under the lock, one after another, ... */
    uint32_t run_needed;              /* ... the length that makes an owner: pool/owner.h ... */
    uintptr_t run_tp;                 /* ... of this thread */
    uint32_t seq;                     /* odd while the counters disagree; counts.h */
    uint32_t gets_high;               /* carries out of osmp_gets */
    struct pool_near near[POOL_NEAR]; /* some threads' caches: layout/cache.h, cache_near() */
    struct cache_set *caches;         /* NULL until caches are enabled first: layout/cache.h */
    struct cache_set *open_caches;    /* the same for threads without the lock, once one is open */
    int64_t adjust;
    uint64_t failed;
    uint64_t refused;
    uint64_t failed_us;
    uint64_t min_us;
    uint64_t tenure_from;             /* gets at the last grant */
    uint64_t puts;                    /* under the lock, counted while the pool is cached */
    struct osmp_thread *frozen_owner; /* whom a fork took the pool from for a moment */
    struct record *record;            /* of each block, where the pool is checked: check/record.h */
    uint64_t faults;
    uint32_t words; /* debug words that hold for the pool: check/words.h */
    uint32_t fail_every;
    struct pool_keep *keep; /* NULL unless the pool was registered */
    uint64_t id;            /* of its registration, the last one if it is over; 0 never */
    char name[OS_MEMPOOL_INFO_NAME_LEN];
};

static_assert(sizeof(struct pool_tail) <= sizeof(((struct os_mempool *)0)->osmp_tail),
              "the public struct reserves enough for every build option");
static_assert(_Alignof(struct pool_tail) <= _Alignof(uint64_t), "and aligns it");
static_assert(sizeof(void *) != 8 || sizeof(struct os_mempool) == 384, "the size is ABI");
static_assert(sizeof(void *) != 8 || offsetof(struct os_mempool, name) == 64,
              "what get and put touch lies in the first 64 bytes");

static inline struct pool_tail *
pool_tail(struct os_mempool *mp)
{
    return (struct pool_tail *)(void *)mp->osmp_tail;
}

static inline const struct pool_tail *
pool_tail_const(const struct os_mempool *mp)
{
    return (const struct pool_tail *)(const void *)mp->osmp_tail;
}

#endif
