/* SPDX-License-Identifier: Apache-2.0 */
#include "check/check.h"

#include <string.h>

#include "base/text.h"
#include "check/handler.h"
#include "check/margin.h"
#include "check/record.h"
#include "check/watch.h"
#include "layout/counts.h"

void
check_prepare(const void *membuf, size_t n)
{
    watch_prepare(membuf, n);
}

static void
check_complain(const struct os_mempool *mp)
{
    struct text text = {0};

    text_add(&text, "osmempool: OSMEMPOOL_DEBUG: pool '");
    text_add_escaped(&text, pool_tail_const(mp)->name);
    text_add(&text, "': no memory for records of its blocks; it is not checked\n");
    text_write(&text);
}

void
check_begin(struct os_mempool *mp)
{
    struct pool_tail *tail = pool_tail(mp);

    tail->words = words_of(tail->name, &tail->fail_every);
    if (tail->words == 0 && watch_kind() == WATCH_NONE) {
        return;
    }
    if (!record_make(mp)) {
        tail->words = 0;
        check_complain(mp);
        return;
    }
    tail->unusual |= POOL_CHECKED;
}

os_error_t
check_refuse(struct faults *faults, struct os_mempool *mp, int kind, const void *block)
{
    counts_refuse(mp);
    record_tell(record_of(mp), fault_note(faults, mp, kind, block));
    return OS_INVALID_PARM;
}

/* Notes that a free block was changed, and where. */
static void
check_note_change(struct os_mempool *mp, struct faults *faults, const struct poison *poison,
                  size_t offset)
{
    struct osmempool_fault *fault =
        fault_note(faults, mp, OSMEMPOOL_FAULT_WRITE_AFTER_PUT, poison->block);

    if (fault != NULL) {
        record_tell_change(record_of(mp), fault, poison, offset);
        memcpy(fault->found, (const char *)poison->block + offset, fault->n_bytes);
    }
}

/* The offset of the first byte of a free block that was changed; SIZE_MAX if none is to be seen. */
static size_t
check_find_change(const struct os_mempool *mp, uint32_t i, struct poison *poison)
{
    *poison = record_poison(record_of(mp), i);
    return record_of(mp)->may_touch ? poison_find(poison) : SIZE_MAX;
}

/* Whether a free block holds what it should. Damage is noted once. */
static bool
check_block_is_sane(struct os_mempool *mp, uint32_t i, struct faults *faults)
{
    uint32_t *state = &record_of(mp)->blocks[i].state;
    struct poison poison;
    size_t offset = check_find_change(mp, i, &poison);

    if (offset != SIZE_MAX && (*state & BLOCK_DAMAGED) == 0) {
        *state |= BLOCK_DAMAGED;
        check_note_change(mp, faults, &poison, offset);
    }
    return offset == SIZE_MAX;
}

/* Whether the members of the public structure say what the record does. */
static bool
check_members_are_sane(const struct os_mempool *mp)
{
    const struct record *record = record_of(mp);
    uint32_t num_free = counts_free(osmp_counts_load(mp));

    return num_free == record->n_blocks - record->n_out && mp->mp_min_free <= num_free &&
           mp->mp_num_blocks == record->n_blocks &&
           mp->slh_first == (record->first != 0 ? record_block(mp, record->first - 1) : NULL);
}

/* All that os_mempool_is_sane() and the word check look at: pool, free blocks, what is around the
 * others. */
static bool
check_walk(struct os_mempool *mp, struct faults *faults)
{
    struct record *record = record_of(mp);
    bool sane = check_members_are_sane(mp);

    if (!sane && !record->disagrees) {
        fault_note(faults, mp, OSMEMPOOL_FAULT_DAMAGED_COUNTERS, NULL);
    }
    record->disagrees = !sane;
    for (uint32_t i = 0; i < record->n_blocks; i++) {
        if (record_is_free(mp, i)) {
            sane &= check_block_is_sane(mp, i, faults);
        }
    }
    return (int)margin_check_all(mp, faults) & (int)sane;
}

const char *
check_inspect(struct os_mempool *mp, const void **block)
{
    const struct record *record = record_of(mp);
    struct poison poison;

    *block = NULL;
    if (!check_members_are_sane(mp)) {
        return "the pool's members and its free blocks disagree";
    }
    for (uint32_t i = 0; i < record->n_blocks; i++) {
        *block = record_block(mp, i);
        if (record_is_free(mp, i) && check_find_change(mp, i, &poison) != SIZE_MAX) {
            return "a free block was written after put";
        }
        if (!record_is_free(mp, i) && record->has_margins && !margin_is_intact(mp, i)) {
            return "a block that is out was written beyond its bounds";
        }
    }
    *block = NULL;
    return NULL;
}

/* Makes a block's memory accessible. Too many mappings: then the pool does without a fence. */
static bool
check_open(struct os_mempool *mp, uint32_t i, struct faults *faults)
{
    struct record *record = record_of(mp);

    if (!record->fenced || fence_open(&record->fence, i)) {
        return true;
    }
    faults->unfenced = record_drop_fence(mp);
    memcpy(faults->unfenced_name, record->pool_name, sizeof(faults->unfenced_name));
    return faults->unfenced;
}

/* The first free block goes out; NULL if there is none. */
static void *
check_take(struct os_mempool *mp, const void *caller, struct faults *faults)
{
    struct record *record = record_of(mp);
    uint32_t i = record->first - 1;
    void *block;

    if (record->first == 0 || !check_open(mp, i, faults)) {
        return NULL;
    }
    block = record_block(mp, i);
    check_block_is_sane(mp, i, faults);
    record_take(mp);
    if (record->may_touch && geometry_has_key(mp)) {
        osmp_words(block)[OSMP_KEY] = 0;
    }
    /* Afterwards: of the key's word a part may be beyond the block's end. */
    if (record->has_margins) {
        margin_set(mp, i);
    }
    if (record->traces != NULL) {
        track_set(&record->traces[i].get, caller);
    }
    counts_take(mp, 1, record->n_blocks - record->n_out, 0);
    return block;
}

static void
check_give(struct os_mempool *mp, void *block, const void *caller, struct faults *faults)
{
    struct record *record = record_of(mp);
    uint32_t i = (uint32_t)osmp_index(mp, block);

    if (record->has_margins) {
        margin_check(mp, i, faults);
    }
    if (record->traces != NULL) {
        track_set(&record->traces[i].put, caller);
    }
    record_give(mp, i);
    osmp_counts_store(
        mp, counts_of(counts_gets(osmp_counts_load(mp)), record->n_blocks - record->n_out));
}

/* The word fail: whether this call of get is one that fails. */
static bool
check_injects(struct os_mempool *mp)
{
    return record_has_word(mp, WORD_FAIL) &&
           ++record_of(mp)->n_calls % pool_tail(mp)->fail_every == 0;
}

void
check_rest(struct os_mempool *mp)
{
    const struct record *record = record_of(mp);

    if (record != NULL && record->retired && record->n_out == 0) {
        record_end(mp);
    }
}

bool
check_is_sane(struct os_mempool *mp, struct faults *faults)
{
    bool sane = check_walk(mp, faults);

    check_rest(mp);
    return sane;
}

void *
check_get(struct os_mempool *mp, const void *caller, struct faults *faults)
{
    void *block = check_injects(mp) ? NULL : check_take(mp, caller, faults);

    if (block == NULL) {
        counts_fail(mp);
        check_rest(mp);
    }
    return block;
}

bool
check_get_all(struct os_mempool *mp, void **blocks, uint32_t n, const void *caller,
              struct faults *faults)
{
    const struct record *record = record_of(mp);
    uint32_t taken = 0;

    if (!check_injects(mp) && record->n_blocks - record->n_out >= n) {
        while (taken < n && (blocks[taken] = check_take(mp, caller, faults)) != NULL) {
            taken++;
        }
    }
    if (taken == n) {
        return true;
    }
    while (taken > 0) {
        check_give(mp, blocks[--taken], caller, faults);
    }
    counts_fail(mp);
    check_rest(mp);
    return false;
}

bool
check_has(const struct os_mempool *mp, const void *block)
{
    uintptr_t i = osmp_index(mp, block);

    return i < record_of(mp)->n_blocks && record_is_free(mp, (uint32_t)i);
}

/* Why a block may not be put; 0 if it may. */
static int
check_problem(const struct os_mempool *mp, const void *block)
{
    uintptr_t i = osmp_index(mp, block);

    if (i >= record_of(mp)->n_blocks) {
        return fault_kind_of_stray(mp, block);
    }
    return record_is_free(mp, (uint32_t)i) ? OSMEMPOOL_FAULT_DOUBLE_PUT : 0;
}

void
check_look(struct os_mempool *mp, struct faults *faults)
{
    if (record_has_word(mp, WORD_CHECK)) {
        check_walk(mp, faults);
    }
}

os_error_t
check_put(struct os_mempool *mp, void *block, const void *caller, struct faults *faults)
{
    int problem = check_problem(mp, block);

    check_look(mp, faults);
    if (problem == 0) {
        check_give(mp, block, caller, faults);
    } else {
        check_refuse(faults, mp, problem, block);
    }
    check_rest(mp);
    return problem == 0 ? OS_OK : OS_INVALID_PARM;
}

static uint32_t *
check_state(const struct os_mempool *mp, const void *block)
{
    return &record_of(mp)->blocks[osmp_index(mp, block)].state;
}

/* Marks blocks as chosen until one may not be put or is chosen already; how many there are. */
static uint32_t
check_choose(const struct os_mempool *mp, void *const *blocks, uint32_t n, int *problem)
{
    uint32_t chosen = 0;

    while (chosen < n) {
        *problem = check_problem(mp, blocks[chosen]);
        if (*problem == 0 && *check_state(mp, blocks[chosen]) == BLOCK_CHOSEN) {
            *problem = OSMEMPOOL_FAULT_TWICE;
        }
        if (*problem != 0) {
            break;
        }
        *check_state(mp, blocks[chosen++]) = BLOCK_CHOSEN;
    }
    for (uint32_t i = 0; i < chosen; i++) {
        *check_state(mp, blocks[i]) = 0;
    }
    return chosen;
}

os_error_t
check_put_all(struct os_mempool *mp, void *const *blocks, uint32_t n, const void *caller,
              struct faults *faults)
{
    int problem = 0;
    uint32_t chosen = check_choose(mp, blocks, n, &problem);

    check_look(mp, faults);
    if (chosen < n) {
        check_refuse(faults, mp, problem, blocks[chosen]);
    }
    for (uint32_t i = 0; chosen == n && i < n; i++) {
        check_give(mp, blocks[i], caller, faults);
    }
    check_rest(mp);
    return chosen == n ? OS_OK : OS_INVALID_PARM;
}

void
check_clear(struct os_mempool *mp, struct faults *faults)
{
    margin_check_all(mp, faults);
    record_clear(mp);
    check_rest(mp);
}

void
check_held(const struct record *record, struct held *held)
{
    memset(held, 0, sizeof(*held));
    held->n_blocks = record->n_blocks;
    held->n_out = record->n_out;
    held->tracked = record->traces != NULL;
    for (uint32_t i = 0; held->tracked && i < record->n_blocks; i++) {
        if ((record->blocks[i].state & BLOCK_FREE) == 0) {
            track_add_held(held, &record->traces[i].get);
        }
    }
}

/* With check and track; and always where AddressSanitizer looks for what was allocated and lost. */
static void
check_note_held(struct os_mempool *mp, struct faults *faults, struct held *held)
{
    const struct record *record = record_of(mp);
    struct osmempool_fault *fault;

    if (record->n_out == 0 || !record->tells_leaks) {
        return;
    }
    check_held(record, held);
    faults->held = held;
    faults->aloud = watch_wants_leaks();
    fault = fault_note(faults, mp, OSMEMPOOL_FAULT_BLOCKS_OUT, NULL);
    if (fault != NULL) {
        fault->n_blocks = record->n_out;
    }
}

/* What is out may be lost already when the program ends. */
void
check_keep_held(const struct record *record)
{
    if (record->told && record->n_out > 0) {
        watch_want_leak_check();
    }
}

/* The buffer is its owner's again. AddressSanitizer's marks end; Memcheck keeps a list of the
 * blocks that are in use, for the end of the program. */
void
check_end(struct os_mempool *mp, struct faults *faults, struct held *held)
{
    struct record *record = record_of(mp);

    check_note_held(mp, faults, held);
    check_keep_held(record);
    check_look(mp, faults);
    /* The caller's buffer may be gone already; what is behind a fence is not. */
    if (record->fence.map != NULL) {
        margin_check_all(mp, faults);
    }
    if (watch_kind() == WATCH_ASAN) {
        record_forget_tool(record);
    } else {
        record_open(record);
    }
    record->retired = true;
    check_rest(mp);
}

void
check_set_fixed(struct record *record, bool is_fixed)
{
    record->is_fixed = is_fixed;
}

void
check_drop(struct record *record)
{
    record_drop(record);
}

void
check_forget(struct record *record)
{
    record_free(record);
}

void
check_end_marks(struct record *record)
{
    record_give_back(record);
}

void
check_note_reinit(const struct record *record, struct os_mempool *mp, struct faults *faults,
                  struct held *held)
{
    struct osmempool_fault *fault;

    if (record->n_out == 0 || !record->thorough) {
        return;
    }
    check_held(record, held);
    faults->held = held;
    fault = fault_note_gone(faults, mp, record->id, OSMEMPOOL_FAULT_REINIT, record->pool_name);
    if (fault != NULL) {
        fault->n_blocks = record->n_out;
        fault->tracked = record->traces != NULL;
    }
}

bool
check_tells_leaks(const struct record *record)
{
    return record->n_out > 0 && record->tells_leaks;
}

bool
check_may_be_out(const struct os_mempool *mp, uint32_t i)
{
    return record_of(mp) != NULL ? !record_is_free(mp, i)
                                 : counts_free(osmp_counts_load(mp)) < mp->mp_num_blocks;
}

bool
check_is_thorough(const struct os_mempool *mp)
{
    return record_of(mp) != NULL && record_has_word(mp, WORD_CHECK);
}

bool
check_is_tracked(const struct os_mempool *mp)
{
    return record_of(mp) != NULL && record_of(mp)->traces != NULL;
}

uint32_t
check_copy_gets(const struct os_mempool *mp, struct trace_end *gets)
{
    const struct record *record = record_of(mp);
    uint32_t n = 0;

    for (uint32_t i = 0; i < record->n_blocks; i++) {
        if (!record_is_free(mp, i)) {
            gets[n++] = record->traces[i].get;
        }
    }
    return n;
}

void
check_fork_child(void)
{
    track_fork_child();
    handler_fork_child();
}
