/* SPDX-License-Identifier: Apache-2.0 */
/* finder.c: which registered pool an address belongs to, and who holds blocks at the end. */
#include "registry/finder.h"

#include <string.h>

#include "base/compiler.h"
#include "check/check.h"
#include "check/report.h"
#include "check/watch.h"
#include "layout/geometry.h"
#include "registry/registry.h"

/* Whether a pool holds the address; then the fault's last members tell where. Where its blocks lie
 * does not change while it is registered, so its lock is not needed. */
static bool
finder_fill_in(struct osmempool_fault *fault, struct os_mempool *mp)
{
    uint32_t i = geometry_find(mp, (uintptr_t)fault->block, &fault->true_offset);

    if (i == UINT32_MAX) {
        return false;
    }
    fault->true_index = i;
    fault->true_pool = mp;
    memcpy(fault->true_pool_name, pool_tail(mp)->name, sizeof(fault->true_pool_name));
    return true;
}

static void
finder_find(struct osmempool_fault *fault)
{
    struct os_mempool *mp;

    registry_enter();
    mp = registry_first();
    while (mp != NULL && !finder_fill_in(fault, mp)) {
        mp = registry_next(mp);
    }
    registry_leave();
}

static uintptr_t
finder_end(const struct os_mempool *mp)
{
    return check_membuf(mp) + mp->mp_num_blocks * geometry_stride(mp);
}

/* The first byte that two pools were made on; 0 if there is none. */
static uintptr_t
finder_shared_byte(const struct os_mempool *a, const struct os_mempool *b)
{
    uintptr_t first = check_membuf(a) > check_membuf(b) ? check_membuf(a) : check_membuf(b);
    uintptr_t end = finder_end(a) < finder_end(b) ? finder_end(a) : finder_end(b);

    return first < end ? first : 0;
}

/* Whether one pool's buffer lies in a block of another that is out: it is the holder's to use. */
static bool
finder_is_nested(const struct os_mempool *inner, const struct os_mempool *outer)
{
    size_t offset;
    uint32_t i = geometry_find(outer, check_membuf(inner), &offset);

    return i != UINT32_MAX && i == geometry_find(outer, finder_end(inner) - 1, &offset) &&
           check_may_be_out(outer, i);
}

static void
finder_note_shared_with(struct os_mempool *mp, struct os_mempool *other, struct faults *faults)
{
    uintptr_t shared = finder_shared_byte(mp, other);
    struct osmempool_fault *fault;
    struct pool_counts counts;

    if (shared == 0 || finder_is_nested(mp, other)) {
        return;
    }
    fault = fault_note(faults, mp, OSMEMPOOL_FAULT_SHARED_BUFFER, NULL);
    if (fault != NULL) {
        fault->block = (void *)shared;
        counts_read(other, &counts);
        fault->n_blocks = counts.num_blocks - counts.num_free;
        fault->true_pool = other;
        fault->true_index = UINT32_MAX;
        memcpy(fault->true_pool_name, pool_tail(other)->name, sizeof(fault->true_pool_name));
    }
}

void
finder_note_shared(struct os_mempool *mp, struct faults *faults)
{
    for (struct os_mempool *other = registry_first(); other != NULL; other = registry_next(other)) {
        if (other != mp) {
            finder_note_shared_with(mp, other, faults);
        }
    }
}

__attribute__((constructor(102))) static void
finder_register(void)
{
    fault_set_finder(finder_find);
}

/* The record number n of those with blocks out; false if there are fewer. */
static bool
finder_held(size_t n, struct held *held)
{
    const struct record *record;

    registry_enter();
    record = check_first_held();
    while (record != NULL && n-- > 0) {
        record = check_next_held(record);
    }
    if (record != NULL) {
        check_held(record, held);
    }
    registry_leave();
    return record != NULL;
}

/*
 * For pools under check and track; and for all where AddressSanitizer looks for leaks, as
 * LeakSanitizer cannot see into pools. Looks at the library's records alone: a pool may have been
 * on main()'s stack, and nobody asks for its blocks any more.
 */
__attribute__((destructor(102))) static void
finder_tell_leaks(void)
{
    bool wanted = watch_wants_leaks() || fault_is_logged();
    struct held held;

    if (watch_kind() == WATCH_MEMCHECK) {
        registry_enter();
        check_keep_all_held();
        registry_leave();
    }
    for (size_t n = 0; wanted && finder_held(n, &held); n++) {
        report_exit(&held);
    }
}
