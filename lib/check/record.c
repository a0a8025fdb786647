/* SPDX-License-Identifier: Apache-2.0 */
#include "check/record.h"

#include <string.h>
#include <sys/mman.h>

#include "check/report.h"
#include "check/watch.h"

static struct record *record_list;

/* How much of the buffer tools hold for inaccessible: behind a fence the kernel does. */
static size_t
record_hidden_bytes(const struct os_mempool *mp)
{
    const struct record *record = record_of(mp);

    return record->fence.map != NULL ? 0 : record->n_blocks * geometry_stride(mp);
}

/* The block after number i on the list; NULL after the last. */
static void *
record_next(const struct os_mempool *mp, uint32_t i)
{
    uint32_t next = record_of(mp)->blocks[i].next;

    return next != 0 ? record_block(mp, next - 1) : NULL;
}

struct poison
record_poison(const struct os_mempool *mp, uint32_t i)
{
    return poison_of(mp, record_block(mp, i), record_next(mp, i), record_has_word(mp, WORD_POISON));
}

/* Writes into the free blocks what belongs there. */
static void
record_mark_all(const struct os_mempool *mp)
{
    const struct record *record = record_of(mp);

    for (uint32_t i = 0; i < record->n_blocks; i++) {
        if ((record->blocks[i].state & BLOCK_FREE) != 0) {
            struct poison poison = record_poison(mp, i);

            poison_set(&poison);
        }
    }
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
        record->blocks[i] = (struct record_block){i + 1 < record->n_blocks ? i + 2 : 0, BLOCK_FREE};
    }
    record->n_out = 0;
    record_set_first(mp, record->n_blocks > 0);
    if (record->fenced) {
        fence_close_all(&record->fence);
    }
    if (record->told) {
        watch_begin(record, (void *)mp->mp_membuf_addr, record_hidden_bytes(mp));
    }
    if (record->may_touch) {
        record_mark_all(mp);
    }
}

/* One mapping for all, as they live and die together; NULL if there is no memory. */
static struct record *
record_new(uint32_t n, bool tracked)
{
    size_t traces = sizeof(struct record) + n * sizeof(struct record_block);
    size_t bytes = traces + (tracked ? n * sizeof(struct trace) : 0);
    struct record *record = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (record == MAP_FAILED) {
        return NULL;
    }
    record->map_bytes = bytes;
    record->n_blocks = n;
    record->blocks = (struct record_block *)(void *)(record + 1);
    record->traces = tracked ? (struct trace *)(void *)((char *)record + traces) : NULL;
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
        geometry_place(mp, fence_first(&record->fence, geometry_stride(mp)),
                       fence_step(&record->fence));
    } else {
        record_set_poison(mp);
        report_unfenced(record->pool_name);
    }
}

void
record_tell(const struct os_mempool *mp, struct osmempool_fault *fault)
{
    const struct record *record = record_of(mp);

    if (fault == NULL || record == NULL || record->traces == NULL) {
        return;
    }
    fault->tracked = 1;
    if (fault->index != UINT32_MAX) {
        track_tell(&fault->last_get, &record->traces[fault->index].get);
        track_tell(&fault->last_put, &record->traces[fault->index].put);
    }
}

/* Behind a fence AddressSanitizer's own marks would not add anything. */
bool
record_make(struct os_mempool *mp, bool registered)
{
    enum watch watch = watch_kind();
    struct record *record =
        record_new(mp->mp_num_blocks, record_has_word(mp, WORD_TRACK) || watch == WATCH_ASAN);

    if (record == NULL) {
        return false;
    }
    pool_tail(mp)->record = record;
    memcpy(record->pool_name, pool_tail(mp)->name, sizeof(record->pool_name));
    record->membuf = mp->mp_membuf_addr;
    if (record_has_word(mp, WORD_FENCE) && mp->mp_num_blocks > 0) {
        record_fence(mp);
    }
    record->told = registered && watch != WATCH_NONE && !(record->fenced && watch == WATCH_ASAN);
    record->may_touch = !record->fenced && !record->told;
    record->has_margins =
        !record->told && record_has_word(mp, WORD_CHECK | WORD_POISON | WORD_FENCE);
    record->tells_leaks =
        watch_wants_leaks() || (record_has_word(mp, WORD_CHECK) && record_has_word(mp, WORD_TRACK));
    record_format(mp);
    return true;
}

void
record_forget_tool(struct os_mempool *mp)
{
    struct record *record = record_of(mp);

    if (record->told) {
        record->told = false;
        watch_end(record, (void *)mp->mp_membuf_addr, record_hidden_bytes(mp));
    }
}

void
record_clear(struct os_mempool *mp)
{
    struct record *record = record_of(mp);
    bool told = record->told;

    record_forget_tool(mp);
    record->told = told;
    record_format(mp);
}

void
record_end(struct os_mempool *mp)
{
    struct record *record = record_of(mp);

    record_forget_tool(mp);
    if (record->fence.map != NULL) {
        fence_end(&record->fence);
        geometry_place(mp, record->membuf, geometry_stride(mp));
    }
    mp->slh_first = NULL;
    pool_tail(mp)->record = NULL;
    munmap(record, record->map_bytes);
}

bool
record_drop_fence(struct os_mempool *mp)
{
    struct record *record = record_of(mp);

    if (!fence_drop(&record->fence)) {
        return false;
    }
    record->fenced = false;
    record->may_touch = !record->told;
    record_set_poison(mp);
    if (record->may_touch) {
        record_mark_all(mp);
    }
    return true;
}

void
record_take(struct os_mempool *mp)
{
    struct record *record = record_of(mp);
    uint32_t i = record->first - 1;

    if (record->told) {
        watch_out(record, record_block(mp, i), mp->mp_block_size);
    }
    record_set_first(mp, record->blocks[i].next);
    record->blocks[i].state = 0;
    record->n_out++;
}

void
record_give(struct os_mempool *mp, uint32_t i)
{
    struct record *record = record_of(mp);

    record->blocks[i] = (struct record_block){record->first, BLOCK_FREE};
    record_set_first(mp, i + 1);
    record->n_out--;
    if (record->may_touch) {
        struct poison poison = record_poison(mp, i);

        poison_set(&poison);
    }
    if (record->told) {
        watch_in(record, record_block(mp, i), geometry_stride(mp));
    }
    if (record->fenced) {
        fence_close(&record->fence, i);
    }
}

void
record_link(struct record *record)
{
    record->listed = true;
    record->next = record_list;
    record->led_by = &record_list;
    if (record_list != NULL) {
        record_list->led_by = &record->next;
    }
    record_list = record;
}

void
record_unlink(struct record *record)
{
    record->listed = false;
    *record->led_by = record->next;
    if (record->next != NULL) {
        record->next->led_by = record->led_by;
    }
}

struct record *
record_first(void)
{
    return record_list;
}
