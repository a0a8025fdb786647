/* SPDX-License-Identifier: Apache-2.0 */
/*
 * msan_user.c: puts blocks that hold what malloc() left, one by one and many at once, to a shared
 * pool, an owned one and a cached one. Exit status 1 if a put is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "osmempool.h"

enum { BLOCKS = 64, SIZE = 512, PAIRS = 2000, BULK = 4 };

/* One block, and some. */
static unsigned
put_unwritten(struct os_mempool *mp, const char *unwritten)
{
    void *blocks[BULK];
    void *block = os_memblock_get(mp);
    unsigned n_refused;

    memcpy(block, unwritten, SIZE);
    n_refused = os_memblock_put(mp, block) != OS_OK;
    os_memblock_get_bulk(mp, blocks, BULK);
    for (unsigned i = 0; i < BULK; i++) {
        memcpy(blocks[i], unwritten, SIZE);
    }
    return n_refused + (os_memblock_put_bulk(mp, blocks, BULK) != OS_OK);
}

static unsigned
put_many(struct os_mempool *mp)
{
    unsigned n_refused = 0;

    for (unsigned i = 0; i < PAIRS; i++) {
        char *unwritten = malloc(SIZE);

        n_refused += put_unwritten(mp, unwritten);
        free(unwritten);
    }
    return n_refused;
}

int
main(void)
{
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, SIZE)];
    struct os_mempool pool;
    unsigned n_refused;

    os_mempool_init(&pool, BLOCKS, SIZE, buffer, "unwritten");
    n_refused = put_many(&pool);
    os_mempool_cache_enable(&pool, BLOCKS / 4);
    n_refused += put_many(&pool);
    os_mempool_unregister(&pool);
    return n_refused > 0;
}
