/* SPDX-License-Identifier: Apache-2.0 */
/* ours.c: a file that has this library's header. C, and C++. */
#include <osmempool.h>

#include "parts.h"

static os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 64)];
static struct os_mempool pool;

/* 0 if the pool is the library's, and works. */
int
ours(void)
{
    struct os_mempool_stats stats;
    void *block;

    if (os_mempool_init(&pool, 4, 64, buffer, "ours") != OS_OK) {
        return 1;
    }
    block = os_memblock_get(&pool);
    if (block == NULL || pool.mp_num_free != 3 || os_memblock_put(&pool, block) != OS_OK) {
        return 2;
    }
    /* What no other implementation refuses. */
    if (os_memblock_put(&pool, block) != OS_INVALID_PARM) {
        return 3;
    }
    if (os_mempool_stats_get(&pool, &stats, sizeof(stats)) != OS_OK || stats.gets != 1) {
        return 4;
    }
    return os_mempool_info_get_next(NULL, NULL) == &pool ? 0 : 5;
}
