/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h: pools for tests, and what must hold of a pool after any test.
 *
 * Uses the public headers only, so that tests/api sees what users see.
 */
#ifndef OSMP_TESTS_FIXTURE_H
#define OSMP_TESTS_FIXTURE_H

#include "common/check.h"
#include "os/os_mempool.h"

/* Measures of a fixture's pool; the size is no multiple of the alignment, to be rounded up. */
enum { FIXTURE_BLOCKS = 8, FIXTURE_SIZE = 61, FIXTURE_STRIDE = 64 };

struct fixture {
    struct os_mempool_ext ext; /* a plain pool uses its first member alone */
    struct os_mempool *pool;   /* &ext.mpe_mp */
    char *buffer;
    unsigned n_calls; /* of fixture_count_call() */
};

/* For a test's setup: *state becomes a fixture whose pool is registered as "fixture". */
int fixture_plain(void **state);

/* The same with an extended pool, whose put callback is fixture_count_call(). */
int fixture_extended(void **state);

/* For a test's teardown: the pool must be whole (see below). */
int fixture_end(void **state);

/* Put callback: counts the call in the fixture, its argument, and puts the block back. */
os_error_t fixture_count_call(struct os_mempool_ext *ome, void *data, void *arg);

/* Block number i, computed from the buffer. */
void *fixture_block(const struct fixture *fx, unsigned i);

/*
 * Fails the test unless the pool is sane and holds all of its blocks: as many as it says can be
 * got, each a different one, then none; all go back.
 */
void pool_expect_whole(struct os_mempool *mp);

/* Takes all blocks out, in an array that pool_put_all() frees. */
void **pool_get_all(struct os_mempool *mp);

/* Puts them back, the last one first, so that an undisturbed list has its old order again. */
void pool_put_all(struct os_mempool *mp, void **blocks);

/* Number of registered pools, by a walk. */
unsigned pools_registered(void);

#endif
