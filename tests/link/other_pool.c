/* SPDX-License-Identifier: Apache-2.0 */
/* other_pool.c: the pools of the other header, as a program has them that brought its own along. */
#include <stddef.h>

#include "os/os_mempool.h"

os_error_t
os_mempool_init(struct os_mempool *mp, uint16_t n, uint32_t size, void *membuf, char *name)
{
    char *block = (char *)membuf;

    mp->block_size = size;
    mp->num_blocks = mp->num_free = mp->min_free = n;
    mp->membuf = (uintptr_t)membuf;
    mp->name = name;
    mp->first = NULL;
    for (uint16_t i = 0; i < n; i++) {
        *(void **)(void *)block = mp->first;
        mp->first = block;
        block += OS_MEMPOOL_SIZE(1, size) * sizeof(os_membuf_t);
    }
    return 0;
}

void *
os_memblock_get(struct os_mempool *mp)
{
    void *block = mp->first;

    if (block != NULL) {
        mp->first = *(void **)block;
        mp->num_free--;
    }
    return block;
}

os_error_t
os_memblock_put(struct os_mempool *mp, void *block)
{
    *(void **)block = mp->first;
    mp->first = block;
    mp->num_free++;
    return 0;
}

struct os_mempool *
os_mempool_info_get_next(struct os_mempool *mp, struct os_mempool_info *info)
{
    return NULL;
}
