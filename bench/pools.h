/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pools.h: pools of this library as the benchmark needs them: their memory, their end, and what
 * costs time besides get and put.
 */
#ifndef BENCH_POOLS_H
#define BENCH_POOLS_H

#include <stddef.h>
#include <stdint.h>

#include "os/os_mempool.h"

/** Names of the benchmark's pools, for a reader to tell them from others. */
#define POOLS_NAME "bench"

/** Makes a buffer a registered pool, or dies. */
void pools_init(struct os_mempool *mp, void *buffer, size_t block_bytes, uint32_t n_blocks);

/** A registered pool with a buffer of its own. Never NULL. */
struct os_mempool *pools_open(size_t block_bytes, uint32_t n_blocks);

/** Frees such a pool, registered or not. Dies if not all blocks came back. */
void pools_close(struct os_mempool *mp);

/** Many small registered pools. */
struct pools {
    struct os_mempool *pools;
    char *buffers;
    uint32_t n;
};

struct pools pools_many_new(uint32_t n);
void pools_many_free(struct pools *pools);

/** Time that os_mempool_init() takes for a buffer. */
uint64_t pools_format_ns(void *buffer, size_t block_bytes, uint32_t n_blocks);

/** Time to register and to unregister n_pools small pools, the latter in a shuffled order. */
void pools_enrol_ns(uint32_t n_pools, uint64_t *register_ns, uint64_t *unregister_ns);

#endif
