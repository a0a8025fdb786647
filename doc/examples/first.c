/* SPDX-License-Identifier: Apache-2.0 */
/* first.c: a pool, a block, and what the pool tells. README.md shows this program. */

#include <os_mempool.h>
#include <stdio.h>

static os_membuf_t buffer[OS_MEMPOOL_SIZE(16, 100)]; /* 16 blocks of 100 bytes */
static struct os_mempool pool;

int
main(void)
{
    void *block;

    if (os_mempool_init(&pool, 16, 100, buffer, "packets") != OS_OK) {
        return 1;
    }
    block = os_memblock_get(&pool); /* NULL only while all 16 are out */
    if (block == NULL) {
        return 1;
    }
    printf("%u of %u blocks are free\n", pool.mp_num_free, pool.mp_num_blocks);
    return os_memblock_put(&pool, block) == OS_OK ? 0 : 1;
}
