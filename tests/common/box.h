/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box.h: pools in every state that the fast path knows, and rules that must hold in each.
 *
 * A box is a pool with its buffer, brought into a state by what was done to it before the test.
 * Uses the public headers only.
 */
#ifndef OSMP_TESTS_BOX_H
#define OSMP_TESTS_BOX_H

#include <pthread.h>
#include <semaphore.h>
#include <sys/types.h>

#include "common/check.h"
#include "osmempool.h"

enum box_kind {
    BOX_PLAIN,            /* as after init */
    BOX_OWNED,            /* this thread has used it alone for 10,000 pairs */
    BOX_OWNED_ELSEWHERE,  /* another thread that lives has */
    BOX_CACHED,           /* this thread has an open cache */
    BOX_CACHED_ELSEWHERE, /* another thread that lives has an open cache with blocks in it */
    BOX_LARGE,            /* cached, and the keys of its blocks lie on many lines */
    BOX_EXTENDED,         /* with a put callback that counts calls and puts the block back */
    BOX_EXTENDED_CACHED,
    BOX_ONE_WORD, /* no room for a key */
    BOX_UNREGISTERED,
    BOX_DROPPED,                  /* owned, then forgotten by os_mempool_module_init() */
    BOX_DROPPED_CACHED,           /* cached, likewise */
    BOX_DROPPED_CACHED_ELSEWHERE, /* another thread has the cache */
    BOX_KINDS
};

/* Enough to fill two caches, and few enough for a one-word pool's walk to find a double put. */
enum { BOX_BLOCKS = 64, BOX_DEPTH = 16, BOX_WARM = 10000 };

struct box {
    struct os_mempool_ext ext; /* a plain pool uses its first member alone */
    struct os_mempool *pool;   /* &ext.mpe_mp */
    enum box_kind kind;
    uint32_t size;
    char *buffer;
    unsigned n_calls;      /* of the callback */
    os_error_t cb_returns; /* what it returns for the block cb_keeps, which it keeps */
    void *cb_keeps;
    bool has_guest; /* a thread that has used the pool, and waits */
    pthread_t guest;
    sem_t guest_is_ready;
    sem_t guest_may_go;
};

/* A pool of BOX_BLOCKS blocks in the given state. */
struct box *box_make(enum box_kind kind);

/* Fails the test unless every block is there; frees the box. */
void box_end(struct box *box);

/* A rule that must hold for a pool in each state. */
typedef void box_rule_fn(struct box *box);

/* A test's function and state for one that holds for all kinds; BOX_EVERY() fills them in. */
void box_try_every_kind(void **state);

#define BOX_EVERY(rule)                                                                            \
    {                                                                                              \
#rule, box_try_every_kind, NULL, NULL, (void *)(uintptr_t)(box_rule_fn *)(rule)            \
    }

bool box_is_extended(const struct box *box);

bool box_is_registered(const struct box *box);

/* Whether puts through the pool's put find a block that stands twice in one array. */
bool box_finds_twins(const struct box *box);

/* The pool's statistics; asserts that they agree with each other. */
struct os_mempool_stats stats_of(const struct os_mempool *mp);

/* Gets and puts a block n times; the number of gets or puts that failed. */
unsigned use_alone(struct os_mempool *mp, unsigned n);

/* Gets until NULL, puts all back from the last one; how many there were. At most 65,536. */
uint32_t take_all(struct os_mempool *mp);

/* Whether threads own pools here: not without membarrier, nor under Valgrind or a sanitizer. */
bool ownership_is_had(void);

/* Whether caches are opened here. */
bool caches_are_had(void);

/* Runs a function in a thread of its own and waits for its end. */
void run_elsewhere(void *(*work)(void *), void *arg);

/* Runs use_alone(10,000) on a pool in a thread that ends. */
void use_elsewhere(struct os_mempool *mp);

/* Forks; the child exits with what the function returns. True if that was true. */
bool true_in_child(bool (*look)(void *), void *arg);

#endif
