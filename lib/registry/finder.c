/* SPDX-License-Identifier: Apache-2.0 */
/* finder.c: which registered pool an address belongs to. */
#include "registry/finder.h"

#include <string.h>

#include "base/compiler.h"
#include "check/check.h"
#include "layout/geometry.h"
#include "registry/registry.h"

/* Whether a pool holds the address; then the fault's last members tell where. */
static bool
finder_fill_in(struct osmempool_fault *fault, const struct node *node)
{
    uint32_t i = geometry_extent_find(&node->extent, (uintptr_t)fault->block, &fault->true_offset);

    if (i == UINT32_MAX) {
        return false;
    }
    fault->true_index = i;
    fault->true_pool = node->mp;
    memcpy(fault->true_pool_name, node->name, sizeof(fault->true_pool_name));
    return true;
}

static void
finder_find(struct osmempool_fault *fault)
{
    struct node *node;

    registry_enter();
    node = registry_first();
    while (node != NULL && !finder_fill_in(fault, node)) {
        node = registry_next(node);
    }
    registry_leave();
}

struct finder_span {
    uintptr_t first;
    size_t n_bytes;
};

static struct finder_span
finder_buffer(const struct node *node)
{
    return (struct finder_span){node->membuf, node->membuf_bytes};
}

/* An extended pool's two members more are not looked at: they hold no mark. */
static struct finder_span
finder_struct(const struct node *node)
{
    return (struct finder_span){(uintptr_t)node->mp, sizeof(*node->mp)};
}

/* The first byte that two spans share; 0 if there is none. */
static uintptr_t
finder_shared_byte(struct finder_span a, struct finder_span b)
{
    uintptr_t first = a.first > b.first ? a.first : b.first;

    return first - a.first < a.n_bytes && first - b.first < b.n_bytes ? first : 0;
}

/* Whether one pool's buffer lies in a block of another that is out: it is the holder's to use. */
static bool
finder_is_nested(const struct node *inner, const struct node *outer)
{
    size_t offset;
    uint32_t i = geometry_extent_find(&outer->extent, inner->membuf, &offset);
    uintptr_t last = inner->membuf + inner->membuf_bytes - 1;

    return i != UINT32_MAX && i == geometry_extent_find(&outer->extent, last, &offset) &&
           check_may_be_out(outer->mp, i);
}

static void
finder_note_shared_with(const struct node *node, const struct node *other, struct faults *faults)
{
    uintptr_t shared = finder_shared_byte(finder_buffer(node), finder_buffer(other));
    struct osmempool_fault *fault;
    struct pool_counts counts;

    if (shared == 0 || finder_is_nested(node, other)) {
        return;
    }
    fault = fault_note(faults, node->mp, OSMEMPOOL_FAULT_SHARED_BUFFER, NULL);
    if (fault != NULL) {
        fault->block = (void *)shared;
        counts_read(other->mp, &counts);
        fault->n_blocks = counts.num_blocks - counts.num_free;
        fault->true_pool = other->mp;
        fault->true_index = UINT32_MAX;
        memcpy(fault->true_pool_name, other->name, sizeof(fault->true_pool_name));
    }
}

void
finder_note_shared(const struct node *node, struct faults *faults)
{
    for (struct node *other = registry_first(); other != NULL; other = registry_next(other)) {
        if (other != node) {
            finder_note_shared_with(node, other, faults);
        }
    }
}

static bool
finder_lies_on(struct finder_span span, const struct node *over)
{
    return finder_shared_byte(span, finder_buffer(over)) != 0 ||
           finder_shared_byte(span, finder_struct(over)) != 0;
}

static void
finder_end_marks_of(const struct node *node, const struct node *over)
{
    struct record *record = over->keep.record;

    if (record == NULL ||
        !(finder_lies_on(finder_buffer(node), over) || finder_lies_on(finder_struct(node), over))) {
        return;
    }
    check_end_marks(record);
    check_prepare(node->mp, sizeof(*node->mp));
}

void
finder_end_marks(const struct node *node)
{
    for (struct node *over = registry_first_over(); over != NULL; over = registry_next_over(over)) {
        finder_end_marks_of(node, over);
    }
}

__attribute__((constructor(102))) static void
finder_register(void)
{
    fault_set_finder(finder_find);
}
