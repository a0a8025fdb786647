/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c: a pool as a whole: made, cleared, checked. */
#include "pool/pool.h"

#include <string.h>

#include <bsd/string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "pool/enter.h"
#include "pool/freelist.h"

void
pool_format(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
            const char *name)
{
    struct pool_tail *tail = pool_tail(mp);

    memset(mp, 0, sizeof(*mp));
    tool_atomics(mp, sizeof(*mp));
    geometry_set(mp, blocks, block_size, membuf);
    mp->osmp_secret = secret_word();
    mp->name = (char *)(uintptr_t)name;
    strlcpy(tail->name, name != NULL ? name : "", sizeof(tail->name));
    lock_init(&tail->lock);
    freelist_chain(mp);
    mp->mp_min_free = blocks;
    counts_write(mp, blocks);
}

OSMP_PUBLIC os_error_t
os_mempool_clear(struct os_mempool *mp)
{
    struct pool_tail *tail;
    uint64_t word;

    if (mp == NULL) {
        return OS_INVALID_PARM;
    }
    tail = pool_tail(mp);
    pool_enter(mp);
    word = counts_load(mp);
    counts_begin(mp);
    freelist_chain(mp);
    /* The blocks that were out are given up: they will not come back as puts. */
    __atomic_store_n(&tail->adjust, tail->adjust - (mp->mp_num_blocks - counts_free(word)),
                     __ATOMIC_RELEASE);
    counts_write(mp, (word >> 32) << 32 | mp->mp_num_blocks);
    counts_end(mp);
    counts_set_u32(&mp->mp_min_free, mp->mp_num_blocks);
    counts_set_u64(&tail->min_us, clock_now_us());
    pool_leave(mp);
    return OS_OK;
}

OSMP_PUBLIC bool
os_mempool_is_sane(const struct os_mempool *mp)
{
    bool sane;

    if (mp == NULL) {
        return false;
    }
    pool_enter(pool_lockable(mp));
    sane = freelist_is_sane(mp);
    pool_leave(pool_lockable(mp));
    return sane;
}
