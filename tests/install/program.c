/* SPDX-License-Identifier: Apache-2.0 */
/* program.c: a program as its users write it; built against an installed library. */
#include <os/os_mempool.h>
#include <os_mempool.h>
#include <osmempool.h>
#include <stdio.h>

static os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 100)];

int
main(void)
{
    struct os_mempool pool;
    void *block;

    if (os_mempool_init(&pool, 4, 100, buffer, "mine") != OS_OK) {
        return 1;
    }
    block = os_memblock_get(&pool);
    printf("%s: %u of %u free\n", osmempool_version(), pool.mp_num_free, pool.mp_num_blocks);
    return os_memblock_put(&pool, block) == OS_OK && os_mempool_unregister(&pool) == OS_OK ? 0 : 1;
}
