/* SPDX-License-Identifier: Apache-2.0 */
/* theirs.c: a file that has the other header. C, and C++. */
#include <os/os_mempool.h>
#include <stddef.h>

#include "parts.h"

static os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 64)];
static struct {
    struct os_mempool pool;
    unsigned char after[512];
} memory;
static char name[] = "theirs";

/* 0 if the pool is theirs, and works, and nothing behind it was written. */
int
theirs(void)
{
    void *block;

    if (os_mempool_init(&memory.pool, 4, 64, buffer, name) != 0) {
        return 11;
    }
    block = os_memblock_get(&memory.pool);
    if (block == NULL || memory.pool.num_free != 3 || os_memblock_put(&memory.pool, block) != 0) {
        return 12;
    }
    for (size_t i = 0; i < sizeof(memory.after); i++) {
        if (memory.after[i] != 0) {
            return 13;
        }
    }
    return 0;
}
