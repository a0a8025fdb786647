/* SPDX-License-Identifier: Apache-2.0 */
#include "check/record.h"

#include <string.h>
#include <sys/mman.h>

#include "base/pages.h"
#include "check/report.h"
#include "check/watch.h"

/* How much of the buffer tools hold for inaccessible: behind a fence the kernel does. */
static size_t
record_hidden_bytes(const struct record *record)
{
    return record->fence.map != NULL ? 0 : record->n_blocks * record->stride;
}

/* By which a tool knows the pool; NULL for none. Relaxed: set under the registry's mutex, and no
 * other word depends on it. */
static const void *
record_handle(const struct record *record)
{
    return __atomic_load_n(&record->is_dropped, __ATOMIC_RELAXED) ? NULL : record;
}

/* The block after number i on the list; NULL after the last. */
static void *
record_next(const struct record *record, uint32_t i)
{
    uint32_t next = record->blocks[i].next;

    return next != 0 ? record_address(record, next - 1) : NULL;
}

struct poison
record_poison(const struct record *record, uint32_t i)
{
    void *block = record_address(record, i);

    return poison_of(block, record->stride, record->secret ^ (uintptr_t)block,
                     record_next(record, i), record->filled);
}

/* Writes into a free block what belongs there. */
static void
record_mark(const struct record *record, uint32_t i)
{
    struct poison poison = record_poison(record, i);

    poison_set(&poison);
}

static void
record_mark_all(const struct record *record)
{
    for (uint32_t i = 0; i < record->n_blocks; i++) {
        if ((record->blocks[i].state & BLOCK_FREE) != 0) {
            record_mark(record, i);
        }
    }
}

/* Makes block number i free, with the block `next` behind it. It is marked before it is free, as
 * exit_check.c reads without the lock. */
static void
record_set_free(struct record *record, uint32_t i, uint32_t next)
{
    struct record_block *block = &record->blocks[i];

    /* Relaxed: exit_check.c looks more than once. */
    __atomic_store_n(&block->state, 0, __ATOMIC_RELAXED);
    block->next = next;
    if (record->may_touch) {
        record_mark(record, i);
    }
    /* Release: pairs with the acquire in exit_check_is_free(); the marks come before. */
    __atomic_store_n(&block->state, BLOCK_FREE, __ATOMIC_RELEASE);
}

static void
record_set_first(struct os_mempool *mp, uint32_t first)
{
    record_of(mp)->first = first;
    mp->slh_first = first != 0 ? record_block(mp, first - 1) : NULL;
}

void
record_format(struct os_mempool *mp)
{
    struct record *record = record_of(mp);

    for (uint32_t i = 0; i < record->n_blocks; i++) {
        record_set_free(record, i, i + 1 < record->n_blocks ? i + 2 : 0);
    }
    record->n_out = 0;
    record_set_first(mp, record->n_blocks > 0);
    if (record->fenced) {
        fence_close_all(&record->fence);
    }
    if (record->told) {
        watch_begin(record_handle(record), (void *)record->membuf, record_hidden_bytes(record));
    }
}

bool
record_measure(struct record_size *size, uint32_t n, bool tracked)
{
    size_t traces_bytes;

    return !__builtin_mul_overflow(n, sizeof(struct record_block), &size->traces) &&
           !__builtin_add_overflow(size->traces, sizeof(struct record), &size->traces) &&
           !__builtin_mul_overflow(n, tracked ? sizeof(struct trace) : 0, &traces_bytes) &&
           !__builtin_add_overflow(size->traces, traces_bytes, &size->bytes);
}

/* One mapping for all, as they live and die together; NULL if there is no memory. */
static struct record *
record_new(uint32_t n, bool tracked)
{
    struct record_size size;
    struct record *record = record_measure(&size, n, tracked) ? pages_map(size.bytes) : NULL;

    if (record == NULL) {
        return NULL;
    }
    record->map_bytes = size.bytes;
    record->n_blocks = n;
    record->blocks = (struct record_block *)(void *)(record + 1);
    record->traces = tracked ? (struct trace *)(void *)((char *)record + size.traces) : NULL;
    return record;
}

static_assert(sizeof(struct record) % _Alignof(struct trace) == 0 &&
                  sizeof(struct record_block) % _Alignof(struct trace) == 0,
              "all three parts are aligned, one behind another");

/* In place of the fence. Relaxed: snapshots read it for its own sake. */
static void
record_set_poison(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    record_of(mp)->filled = true;
    __atomic_store_n(&tail->words, (tail->words & ~(uint32_t)WORD_FENCE) | WORD_POISON,
                     __ATOMIC_RELAXED);
}

/* Moves the pool behind a fence; if that is not to be had it has poison instead. */
static void
record_fence(struct os_mempool *mp)
{
    struct record *record = record_of(mp);

    record->fenced = fence_make(&record->fence, record->n_blocks, geometry_stride(mp));
    if (record->fenced) {
        record->first_at = fence_first(&record->fence, record->stride);
        record->step = fence_step(&record->fence);
        geometry_place(mp, record->first_at, record->step);
    } else {
        record_set_poison(mp);
        report_unfenced(record->pool_name);
    }
}

void
record_tell_change(const struct record *record, struct osmempool_fault *fault,
                   const struct poison *poison, size_t offset)
{
    size_t n = record->stride - offset;

    fault->offset = offset;
    fault->n_bytes = (uint32_t)(n < sizeof(fault->found) ? n : sizeof(fault->found));
    for (uint32_t i = 0; i < fault->n_bytes; i++) {
        fault->expected[i] = poison_byte(poison, offset + i);
    }
    record_tell(record, fault);
}

void
record_tell(const struct record *record, struct osmempool_fault *fault)
{
    if (fault == NULL || record == NULL || record->traces == NULL) {
        return;
    }
    fault->tracked = 1;
    if (fault->index != UINT32_MAX) {
        track_tell(&fault->last_get, &record->traces[fault->index].get);
        track_tell(&fault->last_put, &record->traces[fault->index].put);
    }
}

/* Release: pairs with the acquire in registry_keeps_nothing(). */
static void
record_hook(struct os_mempool *mp, struct record *record)
{
    struct pool_tail *tail = pool_tail(mp);

    tail->record = record;
    if (tail->keep != NULL) {
        __atomic_store_n(&tail->keep->record, record, __ATOMIC_RELEASE);
    }
}

/* Behind a fence AddressSanitizer's own marks would not add anything. */
bool
record_make(struct os_mempool *mp)
{
    enum watch watch = watch_kind();
    struct record *record =
        record_new(mp->mp_num_blocks, record_has_word(mp, WORD_TRACK) || watch == WATCH_ASAN);

    if (record == NULL) {
        return false;
    }
    record_hook(mp, record);
    record->id = pool_tail(mp)->id;
    memcpy(record->pool_name, pool_tail(mp)->name, sizeof(record->pool_name));
    record->membuf = mp->mp_membuf_addr;
    record->stride = geometry_stride(mp);
    record->first_at = record->membuf;
    record->step = record->stride;
    record->secret = mp->osmp_secret;
    record->filled = record_has_word(mp, WORD_POISON);
    record->is_on_stack = watch_is_on_stack((void *)record->membuf);
    record->thorough = record_has_word(mp, WORD_CHECK);
    if (record_has_word(mp, WORD_FENCE) && mp->mp_num_blocks > 0) {
        record_fence(mp);
    }
    record->told = watch != WATCH_NONE && !(record->fenced && watch == WATCH_ASAN);
    record->may_touch = !record->fenced && !record->told;
    record->has_margins =
        !record->told && record_has_word(mp, WORD_CHECK | WORD_POISON | WORD_FENCE);
    record->tells_leaks =
        watch_wants_leaks() || (record_has_word(mp, WORD_CHECK) && record_has_word(mp, WORD_TRACK));
    record_format(mp);
    return true;
}

void
record_forget_tool(struct record *record)
{
    if (record->told) {
        record->told = false;
        watch_end(record_handle(record), (void *)record->membuf, record_hidden_bytes(record));
    }
}

void
record_clear(struct os_mempool *mp)
{
    struct record *record = record_of(mp);
    bool told = record->told;

    record_forget_tool(record);
    record->told = told;
    record_format(mp);
}

static void
record_unmap(struct record *record)
{
    if (record->fence.map != NULL) {
        fence_end(&record->fence);
    }
    munmap(record, record->map_bytes);
}

void
record_end(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);
    struct record *record = record_of(mp);

    record_forget_tool(record);
    if (record->fence.map != NULL) {
        geometry_place(mp, record->membuf, record->stride);
    }
    mp->slh_first = NULL;
    tail->unusual &= ~(uint32_t)POOL_CHECKED;
    tail->gate |= POOL_GATE_RETIRED;
    record_hook(mp, NULL);
    record_unmap(record);
}

bool
record_drop_fence(struct os_mempool *mp)
{
    struct record *record = record_of(mp);

    if (!fence_drop(&record->fence)) {
        return false;
    }
    record->fenced = false;
    record_set_poison(mp);
    if (!record->told) {
        record_mark_all(record);
        record->may_touch = true;
    }
    return true;
}

void
record_take(struct os_mempool *mp)
{
    struct record *record = record_of(mp);
    uint32_t i = record->first - 1;

    if (record->told) {
        watch_out(record_handle(record), record_block(mp, i), mp->mp_block_size);
    }
    record_set_first(mp, record->blocks[i].next);
    record->blocks[i].state = 0;
    record->n_out++;
}

void
record_give(struct os_mempool *mp, uint32_t i)
{
    struct record *record = record_of(mp);

    record_set_free(record, i, record->first);
    record_set_first(mp, i + 1);
    record->n_out--;
    if (record->told) {
        watch_in(record_handle(record), record_block(mp, i), geometry_stride(mp));
    }
    if (record->fenced) {
        fence_close(&record->fence, i);
    }
}

void
record_drop(struct record *record)
{
    if (record->told) {
        watch_give_back(record_handle(record), (void *)record->membuf, record_hidden_bytes(record),
                        record->is_fixed);
        __atomic_store_n(&record->is_dropped, true, __ATOMIC_RELAXED);
    }
}

void
record_open(const struct record *record)
{
    if (record->told && record->is_fixed) {
        watch_open((void *)record->membuf, record_hidden_bytes(record));
    }
}

void
record_give_back(struct record *record)
{
    if (record->told) {
        record->told = false;
        watch_give_back(record_handle(record), (void *)record->membuf, record_hidden_bytes(record),
                        record->is_fixed);
    }
}

void
record_free(struct record *record)
{
    record_give_back(record);
    record_unmap(record);
}
