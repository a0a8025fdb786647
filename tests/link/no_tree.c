/* SPDX-License-Identifier: Apache-2.0 */
/* no_tree.c: a file that was written for Mynewt, and has nothing of it but the shims. C, and C++.
 */
#include "os/mynewt.h"
#include "os/os.h"
#include "os/queue.h"
#include "parts.h"
#include "syscfg/syscfg.h"

#if MYNEWT_VAL(OS_MEMPOOL_GUARD) || MYNEWT_VAL(SETTING_THAT_NOBODY_HAS)
#error "settings are 0"
#endif
#if MYNEWT_VAL_CHOICE(SOME_CHOICE, one)
#error "and nothing is chosen"
#endif

struct item {
    int number;
    STAILQ_ENTRY(item) next;
};

static STAILQ_HEAD(, item) items = STAILQ_HEAD_INITIALIZER(items);

static os_membuf_t buffer[OS_MEMPOOL_SIZE(3, OS_MEMPOOL_BLOCK_SZ(sizeof(struct item)))];
static struct os_mempool pool;

int
ours(void)
{
    struct item *item;

    if (os_mempool_init(&pool, 3, sizeof(struct item), buffer, "no tree") != OS_OK) {
        return 1;
    }
    item = (struct item *)os_memblock_get(&pool);
    assert(item != NULL);
    memset(item, 0, sizeof(*item));
    STAILQ_INSERT_TAIL(&items, item, next);
    if (SLIST_FIRST(&pool) == NULL || STAILQ_FIRST(&items) != item) {
        return 2;
    }
    STAILQ_REMOVE_HEAD(&items, next);
    return os_memblock_put(&pool, item) == OS_OK && MYNEWT_VAL(OS_MEMPOOL_CHECK) == 0 ? 0 : 3;
}
