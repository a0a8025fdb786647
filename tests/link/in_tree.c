/* SPDX-License-Identifier: Apache-2.0 */
/* in_tree.c: a file of a tree that has os/os.h, with this library's pools. C, and C++. */
#ifdef FIRST
#include FIRST
#endif
#include <os/os.h>
#include <os/os_mempool.h>
#ifdef SECOND
#include SECOND
#endif
#include <string.h>

#include "parts.h"

#ifndef TREE_QUEUES
#error "the queues are not the tree's"
#endif

/* The tree's alignment, and errors; and yet room for blocks on this library's boundaries. */
typedef char tree_alignment[OS_ALIGNMENT == TREE_ALIGNMENT ? 1 : -1];
typedef char tree_error[OS_TREE_ERROR == 99 ? 1 : -1];
typedef char exact[OS_MEMPOOL_BYTES(3, 20) ==
                           3 * ((20 + sizeof(void *) - 1) / sizeof(void *)) * sizeof(void *)
                       ? 1
                       : -1];

/* As a program defines it whose sources name the list of pools. */
STAILQ_HEAD(os_mempool_list, os_mempool)
g_os_mempool_list = STAILQ_HEAD_INITIALIZER(g_os_mempool_list);

static os_membuf_t buffer[OS_MEMPOOL_SIZE(3, 20)];
static struct {
    struct os_mempool pool;
    unsigned char after[512];
} memory;

int
ours(void)
{
    unsigned char untouched[sizeof(memory.after)] = {0};
    void *block;

    if (os_mempool_init(&memory.pool, 3, 20, buffer, "in tree") != OS_OK) {
        return 1;
    }
    block = os_memblock_get(&memory.pool);
    if (block != buffer || SLIST_FIRST(&memory.pool) == NULL ||
        SLIST_NEXT(SLIST_FIRST(&memory.pool), mb_next) == NULL) {
        return 2;
    }
    if (STAILQ_NEXT(&memory.pool, mp_list) != NULL || g_os_mempool_list.stqh_first != NULL) {
        return 3;
    }
    if (os_memblock_put(&memory.pool, block) != OS_OK ||
        os_memblock_put(&memory.pool, block) != OS_INVALID_PARM) {
        return 4;
    }
    return memcmp(memory.after, untouched, sizeof(untouched)) == 0 ? 0 : 5;
}
