/* SPDX-License-Identifier: Apache-2.0 */
#include "check/report.h"

#include <bsd/stdlib.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/site.h"
#include "base/text.h"
#include "check/throttle.h"
#include "check/track.h"

static const char *const report_titles[] = {
    [OSMEMPOOL_FAULT_NULL] = "put of NULL",
    [OSMEMPOOL_FAULT_FOREIGN] = "put of a foreign address",
    [OSMEMPOOL_FAULT_MISALIGNED] = "put of an address inside a block",
    [OSMEMPOOL_FAULT_DOUBLE_PUT] = "double put",
    [OSMEMPOOL_FAULT_TOO_MANY] = "more puts than blocks",
    [OSMEMPOOL_FAULT_TWICE] = "a block twice in one bulk put",
    [OSMEMPOOL_FAULT_IN_CALLBACK] = "put of a block inside its own put callback",
    [OSMEMPOOL_FAULT_DAMAGED_LIST] = "damaged free list",
    [OSMEMPOOL_FAULT_WRITE_AFTER_PUT] = "write after put",
    [OSMEMPOOL_FAULT_DAMAGED_COUNTERS] = "damaged pool",
    [OSMEMPOOL_FAULT_BLOCKS_OUT] = "blocks out at unregister",
    [OSMEMPOOL_FAULT_OVERRUN] = "overrun",
    [OSMEMPOOL_FAULT_UNDERRUN] = "underrun",
    [OSMEMPOOL_FAULT_SHARED_BUFFER] = "shared buffer",
    [OSMEMPOOL_FAULT_OVERWRITTEN] = "overwritten pool",
    [OSMEMPOOL_FAULT_REINIT] = "init of a registered pool",
};

static const char *
report_title(const struct osmempool_fault *fault)
{
    bool at_exit = fault->kind == OSMEMPOOL_FAULT_BLOCKS_OUT && fault->caller == NULL;

    return at_exit ? "blocks out at exit" : report_titles[fault->kind];
}

/* Each line bears the library's name, as it stands among those of others. */
static void
report_begin(struct text *text, const char *title, const char *pool_name)
{
    text_add(text, "osmempool: ");
    text_add_escaped(text, title);
    text_add(text, ": pool '");
    text_add_escaped(text, pool_name);
    text_add(text, "': ");
}

static void
report_block(struct text *text, const struct osmempool_fault *fault)
{
    text_add(text, "block %u (%p)", fault->index,
             (void *)((char *)fault->block -
                      (fault->kind == OSMEMPOOL_FAULT_MISALIGNED ? fault->offset : 0)));
}

/* "program+0x12ab (function)" */
static void
report_site(struct text *text, const void *caller)
{
    struct site site;

    site_find(&site, caller);
    text_add_escaped(text, site.module[0] != '\0' ? site.module : "?");
    text_add(text, "+%#zx", (size_t)site.offset);
    if (site.function != NULL) {
        text_add(text, " (");
        text_add_escaped(text, site.function);
        text_add(text, ")");
    }
}

static void
report_age(struct text *text, uint64_t age_us)
{
    text_add(text, "%llu.%06u s", (unsigned long long)(age_us / 1000000),
             (unsigned)(age_us % 1000000));
}

static void
report_trace(struct text *text, const char *what, const struct osmempool_trace *trace)
{
    if (trace->caller != NULL) {
        text_add(text, "osmempool:   ");
        text_add_escaped(text, what);
        text_add(text, " at ");
        report_site(text, trace->caller);
        text_add(text, ", thread %u, ", trace->thread);
        report_age(text, trace->age_us);
        text_add(text, " ago\n");
    }
}

/* Who made the call, and what is known of the block's life before. */
static void
report_calls(struct text *text, const struct osmempool_fault *fault)
{
    const char *program = getprogname();

    if (fault->caller != NULL) {
        text_add(text, "osmempool:   this call at ");
        report_site(text, fault->caller);
    } else {
        text_add(text, "osmempool:   found at exit");
    }
    text_add(text, ", thread %u of ", fault->thread);
    text_add_escaped(text, program != NULL ? program : "?");
    text_add(text, "[%d]\n", (int)getpid());
    report_trace(text, "last got", &fault->last_get);
    report_trace(text, "last put", &fault->last_put);
    if (fault->index != UINT32_MAX && !fault->tracked &&
        fault->kind != OSMEMPOOL_FAULT_DAMAGED_LIST) {
        text_add(text, "osmempool:   run with OSMEMPOOL_DEBUG=track to see who got and put it\n");
    }
}

/* A bulk put that was refused for its number names no block. */
static void
report_too_many(struct text *text, const struct osmempool_fault *fault)
{
    if (fault->block == NULL) {
        text_add(text, "%u blocks in one bulk put, more than it has\n", fault->n_blocks);
        return;
    }
    report_block(text, fault);
    text_add(text, "\n");
}

static void
report_foreign(struct text *text, const struct osmempool_fault *fault)
{
    text_add(text, "%p is none of its blocks", fault->block);
    if (fault->true_pool == NULL) {
        text_add(text, ", and of no other registered pool's\n");
        return;
    }
    text_add(text, "; it is %sblock %u of pool '", fault->true_offset == 0 ? "" : "inside ",
             fault->true_index);
    text_add_escaped(text, fault->true_pool_name);
    text_add(text, "'\n");
}

/* The end of a line that tells where bytes were changed, and one with what they should be. */
static void
report_found(struct text *text, const struct osmempool_fault *fault)
{
    text_add(text, ": found ");
    text_add_bytes(text, fault->found, fault->n_bytes);
    text_add(text, "\nosmempool:   it should be ");
    text_add_bytes(text, fault->expected, fault->n_bytes);
    text_add(text, "\n");
}

static void
report_changed(struct text *text, const struct osmempool_fault *fault)
{
    report_block(text, fault);
    text_add(text, " was changed while it was free\nosmempool:   from byte %zu%s", fault->offset,
             fault->offset < sizeof(void *)       ? ", the link to the next free block"
             : fault->offset < 2 * sizeof(void *) ? ", the mark of a free block"
                                                  : "");
    report_found(text, fault);
}

static void
report_out_of_bounds(struct text *text, const struct osmempool_fault *fault)
{
    bool overrun = fault->kind == OSMEMPOOL_FAULT_OVERRUN;

    report_block(text, fault);
    text_add(text, " was written %s while it was out\nosmempool:   from %s%zu%s",
             overrun ? "beyond its end" : "before its beginning", overrun ? "byte " : "",
             fault->offset, overrun ? "" : " bytes before it");
    report_found(text, fault);
}

static void
report_shared(struct text *text, const struct osmempool_fault *fault)
{
    text_add(text, "its buffer, from %p on, is also that of pool '", fault->block);
    text_add_escaped(text, fault->true_pool_name);
    text_add(text, "', %u blocks of which are out\n", fault->n_blocks);
    text_add(text, "osmempool:   unregister a pool before its buffer is used again\n");
}

static void
report_overwritten(struct text *text, const struct osmempool_fault *fault)
{
    text_add(text, "the struct os_mempool at %p was overwritten while it was registered\n",
             (void *)fault->pool);
    text_add(text, "osmempool:   unregister a pool before its memory is used again\n");
}

/* The block may be out, if a link to it is what was overwritten. Without a block, the pool's own
 * pointer to the list is what leads nowhere. */
static void
report_damaged_list(struct text *text, const struct osmempool_fault *fault)
{
    if (fault->block == NULL) {
        text_add(text, "the free list begins at no block of the pool\n");
    } else {
        report_block(text, fault);
        text_add(text, " is next on it and begins with ");
        text_add_bytes(text, fault->found, fault->n_bytes);
        text_add(text, ", which leads to no block\n");
    }
    if (fault->n_blocks > 0) {
        text_add(text, "osmempool:   %u free blocks are lost until the pool is cleared\n",
                 fault->n_blocks);
    } else {
        text_add(text, "osmempool:   no free block is lost\n");
    }
    text_add(text, "osmempool:   run with OSMEMPOOL_DEBUG=check,poison,track to find the writer\n");
}

static void
report_held(struct text *text, const struct held *held)
{
    uint64_t now_us = clock_steady_us();

    for (uint32_t i = 0; i < held->n_sites; i++) {
        const struct held_site *site = &held->sites[i];

        text_add(text, "osmempool:   %u got by ", site->n);
        report_site(text, (const void *)site->caller);
        text_add(text, ", the oldest ");
        report_age(text, now_us - site->oldest_us);
        text_add(text, " ago in thread %u\n", site->thread);
    }
    if (held->n_others > 0) {
        text_add(text, "osmempool:   %u got elsewhere\n", held->n_others);
    }
    if (!held->tracked) {
        text_add(text, "osmempool:   run with OSMEMPOOL_DEBUG=track to see who got them\n");
    }
}

static void
report_out(struct text *text, const struct held *held)
{
    text_add(text, "%u of %u blocks are out\n", held->n_out, held->n_blocks);
    report_held(text, held);
}

static void
report_reinit(struct text *text, const struct held *held)
{
    text_add(text, "%u of its %u blocks are in use, and are the new pool's from now on\n",
             held->n_out, held->n_blocks);
    report_held(text, held);
}

/* What is wrong, in the rest of the first line. */
static void
report_what(struct text *text, const struct osmempool_fault *fault, const struct held *held)
{
    switch (fault->kind) {
    case OSMEMPOOL_FAULT_NULL:
        text_add(text, "%s\n", fault->pool == NULL ? "the pool is NULL" : "the block is NULL");
        break;
    case OSMEMPOOL_FAULT_FOREIGN:
        report_foreign(text, fault);
        break;
    case OSMEMPOOL_FAULT_MISALIGNED:
        text_add(text, "%p is byte %zu of ", fault->block, fault->offset);
        report_block(text, fault);
        text_add(text, "\n");
        break;
    case OSMEMPOOL_FAULT_TOO_MANY:
        report_too_many(text, fault);
        break;
    case OSMEMPOOL_FAULT_DAMAGED_LIST:
        report_damaged_list(text, fault);
        break;
    case OSMEMPOOL_FAULT_WRITE_AFTER_PUT:
        report_changed(text, fault);
        break;
    case OSMEMPOOL_FAULT_DAMAGED_COUNTERS:
        text_add(text,
                 "its counters and its free blocks disagree: struct os_mempool was written\n");
        break;
    case OSMEMPOOL_FAULT_OVERRUN:
    case OSMEMPOOL_FAULT_UNDERRUN:
        report_out_of_bounds(text, fault);
        break;
    case OSMEMPOOL_FAULT_SHARED_BUFFER:
        report_shared(text, fault);
        break;
    case OSMEMPOOL_FAULT_OVERWRITTEN:
        report_overwritten(text, fault);
        break;
    case OSMEMPOOL_FAULT_BLOCKS_OUT:
        report_out(text, held);
        break;
    case OSMEMPOOL_FAULT_REINIT:
        report_reinit(text, held);
        break;
    case OSMEMPOOL_FAULT_DOUBLE_PUT:
        report_block(text, fault);
        text_add(text, " is free already\n");
        break;
    default:
        report_block(text, fault);
        text_add(text, "\n");
    }
}

/* From the last that is printed because it is among the first ones. */
static void
report_seen(struct text *text, size_t seen)
{
    if (seen >= THROTTLE_ALL) {
        text_add(text, "osmempool:   seen %zu times%s\n", seen,
                 seen == THROTTLE_ALL ? "; from now on told at 16, 32, 64 and so on" : "");
    }
}

void
report_fault(const struct osmempool_fault *fault, const struct held *held, size_t seen)
{
    struct text text = {0};

    report_begin(&text, report_title(fault), fault->pool_name);
    report_what(&text, fault, held);
    report_calls(&text, fault);
    report_seen(&text, seen);
    text_write(&text);
}

void
report_more(uint32_t n)
{
    struct text text = {0};

    text_add(&text, "osmempool: and %u more in the same call\n", n);
    text_write(&text);
}

void
report_unfenced(const char *pool_name)
{
    /* Relaxed: the exchange alone decides who says it, and nothing is read on the strength of it.
     */
    static uint32_t said;
    struct text text = {0};

    if (__atomic_exchange_n(&said, 1, __ATOMIC_RELAXED)) {
        return;
    }
    report_begin(&text, "OSMEMPOOL_DEBUG", pool_name);
    text_add(&text, "the kernel refuses more mappings for fence; poison instead. Raise "
                    "vm.max_map_count, or name fewer pools\n"
                    "osmempool:   said once; mempoolstat -j shows what each pool has\n");
    text_write(&text);
}
