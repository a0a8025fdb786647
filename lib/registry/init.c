/* SPDX-License-Identifier: Apache-2.0 */
/* init.c: birth and death of a pool. */
#include "base/compiler.h"
#include "layout/geometry.h"
#include "pool/enter.h"
#include "pool/pool.h"
#include "registry/cache_rules.h"
#include "registry/finder.h"
#include "registry/registry.h"

/* A registered pool whose struct was overwritten. */
static void
init_note_overwritten(struct os_mempool *mp, struct faults *faults)
{
    if (!registry_is_intact(mp)) {
        fault_note_overwritten(faults, mp);
    }
}

/*
 * Formats under the registry's mutex: from the check that the pool is not registered until it is,
 * no other thread may come in with the same pool.
 */
static os_error_t
init_pool(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
          const char *name, uint8_t flags, const void *caller)
{
    struct faults faults;
    os_error_t error;

    if (mp == NULL) {
        return OS_INVALID_PARM;
    }
    error = geometry_check(blocks, block_size, membuf);
    if (error != OS_OK) {
        return error;
    }
    faults_begin(&faults);
    registry_enter();
    if (registry_has(mp)) {
        error = OS_EBUSY;
        init_note_overwritten(mp, &faults);
    } else {
        check_prepare(membuf, OS_MEMPOOL_BYTES(blocks, block_size));
        pool_format(mp, blocks, block_size, membuf, name, flags);
        registry_link(mp);
        pool_check(mp);
        pool_set_cache(mp, cache_rules_depth(pool_tail(mp)->name));
        if (check_is_thorough(mp)) {
            finder_note_shared(mp, &faults);
        }
    }
    registry_leave();
    faults_report(&faults, caller);
    return error;
}

OSMP_PUBLIC os_error_t
os_mempool_init(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
                const char *name)
{
    return init_pool(mp, blocks, block_size, membuf, name, 0, osmp_caller());
}
OSMP_LOCAL_NAME(os_mempool_init);

OSMP_PUBLIC os_error_t
os_mempool_ext_init(struct os_mempool_ext *mpe, uint32_t blocks, uint32_t block_size, void *membuf,
                    const char *name)
{
    os_error_t error;

    if (mpe == NULL) {
        return OS_INVALID_PARM;
    }
    error =
        init_pool(&mpe->mpe_mp, blocks, block_size, membuf, name, OS_MEMPOOL_F_EXT, osmp_caller());
    if (error == OS_OK) {
        mpe->mpe_put_cb = NULL;
        mpe->mpe_put_arg = NULL;
    }
    return error;
}
OSMP_LOCAL_NAME(os_mempool_ext_init);

/*
 * OS_EBUSY: another thread is in the pool. A pool whose struct was overwritten stays on the list:
 * its links lead nowhere.
 */
static os_error_t
init_try_end_pool(struct os_mempool *mp, struct faults *faults, struct held *held)
{
    bool is_registered = mp != NULL && registry_has(mp);

    if (!is_registered) {
        return OS_INVALID_PARM;
    }
    if (!registry_is_intact(mp)) {
        fault_note_overwritten(faults, mp);
        return OS_INVALID_PARM;
    }
    if (!pool_try_retire(mp, faults, held)) {
        return OS_EBUSY;
    }
    registry_unlink(mp);
    return OS_OK;
}

OSMP_PUBLIC os_error_t
os_mempool_unregister(struct os_mempool *mp)
{
    os_error_t error;
    struct faults faults;
    struct held held;

    faults_begin(&faults);
    registry_enter();
    while ((error = init_try_end_pool(mp, &faults, &held)) == OS_EBUSY) {
        registry_rest();
    }
    registry_leave();
    faults_report(&faults, osmp_caller());
    return error;
}
OSMP_LOCAL_NAME(os_mempool_unregister);

OSMP_PUBLIC void
os_mempool_module_init(void)
{
}
OSMP_LOCAL_NAME(os_mempool_module_init);
