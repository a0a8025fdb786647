/* SPDX-License-Identifier: Apache-2.0 */
/* init.c: birth and death of a pool. */
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "check/watch.h"
#include "layout/geometry.h"
#include "pool/enter.h"
#include "pool/pool.h"
#include "registry/cache_rules.h"
#include "registry/finder.h"
#include "registry/registry.h"

/* What a pool is to be. */
struct init_request {
    struct os_mempool *mp;
    struct os_mempool_ext *ext; /* the same pool, if it is extended */
    uint32_t blocks;
    uint32_t block_size;
    void *membuf;
    const char *name;
    const void *caller; /* return address of the call */
    bool is_fixed;      /* the buffer is static or on a stack */
};

static void
init_format(const struct init_request *request)
{
    pool_format(request->mp, request->blocks, request->block_size, request->membuf, request->name,
                request->ext != NULL ? OS_MEMPOOL_F_EXT : 0);
    if (request->ext != NULL) {
        request->ext->mpe_put_cb = NULL;
        request->ext->mpe_put_arg = NULL;
    }
}

static void
init_make(struct node *node, const struct init_request *request, struct faults *faults)
{
    struct os_mempool *mp = request->mp;
    size_t bytes = OS_MEMPOOL_BYTES(request->blocks, request->block_size);

    node->mp = mp;
    node->identity.registered_us = clock_exact_us();
    node->identity.registered_by = (uintptr_t)request->caller;
    node->membuf = (uintptr_t)request->membuf;
    node->membuf_bytes = bytes;
    finder_end_marks(node);
    check_prepare(request->membuf, bytes);
    init_format(request);
    memcpy(node->name, pool_tail(mp)->name, sizeof(node->name));
    pool_tail(mp)->keep = &node->keep;
    pool_tail(mp)->id = node->identity.id;
    pool_check(mp);
    if (node->keep.record != NULL) {
        check_set_fixed(node->keep.record, request->is_fixed);
    }
    pool_set_cache(mp, cache_rules_depth(node->name));
    node->extent = geometry_extent_of(mp, node->keep.record != NULL);
    registry_link(node);
    if (check_is_thorough(mp)) {
        finder_note_shared(node, faults);
    }
}

/* A registered pool is initialised again: no fault, but worth a word to who asked for checks. */
static void
init_note_again(const struct node *former, struct faults *faults, struct held *held)
{
    if (former != NULL && former->state == NODE_REGISTERED && former->keep.record != NULL) {
        check_note_reinit(former->keep.record, former->mp, faults, held);
    }
}

/*
 * Formats under the registry's mutex, from the moment at which the former pool is forgotten until
 * the new one is registered: no other thread may come in with the same pool, and no walk meets a
 * pool that is half made.
 */
static os_error_t
init_pool(struct init_request *request)
{
    os_error_t error = geometry_check(request->blocks, request->block_size, request->membuf);
    struct cache_set *caches;
    struct faults faults;
    struct held held;
    struct node *former, *node;

    if (request->mp == NULL || error != OS_OK) {
        return request->mp == NULL ? OS_INVALID_PARM : error;
    }
    watch_clear_stack();
    request->is_fixed = watch_kind() != WATCH_NONE && watch_is_fixed(request->membuf);
    faults_begin(&faults);
    registry_enter();
    former = registry_find_any(request->mp);
    init_note_again(former, &faults, &held);
    node = registry_renew(former, &caches);
    if (node != NULL) {
        init_make(node, request, &faults);
    }
    registry_leave();
    cache_free(caches);
    faults_report(&faults, request->caller);
    return node != NULL ? OS_OK : OS_ENOMEM;
}

OSMP_PUBLIC os_error_t
os_mempool_init(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
                const char *name)
{
    struct init_request request = {mp,     NULL, blocks,        block_size,
                                   membuf, name, osmp_caller(), false};

    return init_pool(&request);
}
OSMP_LOCAL_NAME(os_mempool_init);

OSMP_PUBLIC os_error_t
os_mempool_ext_init(struct os_mempool_ext *mpe, uint32_t blocks, uint32_t block_size, void *membuf,
                    const char *name)
{
    struct os_mempool *mp = mpe != NULL ? &mpe->mpe_mp : NULL;
    struct init_request request = {mp, mpe, blocks, block_size, membuf, name, osmp_caller(), false};

    return init_pool(&request);
}
OSMP_LOCAL_NAME(os_mempool_ext_init);

/* What unregister leaves for the time after the mutex is given. */
struct init_end {
    struct faults faults;
    struct held held;
    struct cache_set *caches;
};

/*
 * OS_EBUSY: another thread is in the pool. A pool whose struct was overwritten is dropped, and the
 * call fails.
 */
static os_error_t
init_try_end_pool(struct os_mempool *mp, struct init_end *end)
{
    struct node *node = registry_find(mp);

    if (node == NULL) {
        registry_forget_dropped(mp, &end->caches);
        return OS_INVALID_PARM;
    }
    if (!registry_is_intact(node)) {
        fault_note_gone(&end->faults, mp, node->identity.id, OSMEMPOOL_FAULT_OVERWRITTEN,
                        node->name);
        registry_drop(node);
        return OS_INVALID_PARM;
    }
    if (!pool_try_retire(mp, &end->faults, &end->held, &end->caches)) {
        return OS_EBUSY;
    }
    registry_retire(node);
    return OS_OK;
}

OSMP_PUBLIC os_error_t
os_mempool_unregister(struct os_mempool *mp)
{
    struct init_end end = {.caches = NULL};
    os_error_t error;

    watch_clear_stack();
    faults_begin(&end.faults);
    registry_enter();
    while ((error = init_try_end_pool(mp, &end)) == OS_EBUSY) {
        registry_rest();
    }
    registry_leave();
    cache_free(end.caches);
    faults_report(&end.faults, osmp_caller());
    return error;
}
OSMP_LOCAL_NAME(os_mempool_unregister);

OSMP_PUBLIC void
os_mempool_module_init(void)
{
    watch_clear_stack();
    registry_enter();
    registry_drop_all();
    registry_leave();
}
OSMP_LOCAL_NAME(os_mempool_module_init);
