/* SPDX-License-Identifier: Apache-2.0 */
#include "check/margin.h"

#include <string.h>

#include "check/record.h"

struct margin {
    int kind; /* of fault, if it was written */
    unsigned char *bytes;
    size_t n;
};

static struct margin
margin_before(const struct os_mempool *mp, uint32_t i)
{
    const struct fence *fence = &record_of(mp)->fence;
    size_t n = fence->map != NULL ? fence->block_bytes - geometry_stride(mp) : 0;

    return (struct margin){OSMEMPOOL_FAULT_UNDERRUN, (unsigned char *)record_block(mp, i) - n, n};
}

static struct margin
margin_behind(const struct os_mempool *mp, uint32_t i)
{
    return (struct margin){OSMEMPOOL_FAULT_OVERRUN,
                           (unsigned char *)record_block(mp, i) + mp->mp_block_size,
                           geometry_stride(mp) - mp->mp_block_size};
}

void
margin_set(const struct os_mempool *mp, uint32_t i)
{
    struct margin before = margin_before(mp, i);
    struct margin behind = margin_behind(mp, i);

    memset(before.bytes, POISON_BYTE, before.n);
    memset(behind.bytes, POISON_BYTE, behind.n);
}

/* A whole page is looked at in each put, so the usual case is libc's to compare. */
static bool
margin_is_whole(const struct margin *margin)
{
    return margin->n == 0 || (margin->bytes[0] == POISON_BYTE &&
                              memcmp(margin->bytes, margin->bytes + 1, margin->n - 1) == 0);
}

/* Of an overrun the offset is in the block, of an underrun it is the distance to the block. */
static void
margin_note(struct os_mempool *mp, uint32_t i, const struct margin *margin, struct faults *faults)
{
    const unsigned char *block = record_block(mp, i);
    const unsigned char *at = margin->bytes;
    struct osmempool_fault *fault = fault_note(faults, mp, margin->kind, block);
    size_t n;

    if (fault == NULL) {
        return;
    }
    while (*at == POISON_BYTE) {
        at++;
    }
    n = (size_t)(margin->bytes + margin->n - at);
    fault->offset = at >= block ? (size_t)(at - block) : (size_t)(block - at);
    fault->n_bytes = (uint32_t)(n < sizeof(fault->found) ? n : sizeof(fault->found));
    memcpy(fault->found, at, fault->n_bytes);
    memset(fault->expected, POISON_BYTE, fault->n_bytes);
    record_tell(record_of(mp), fault);
}

static bool
margin_check_one(struct os_mempool *mp, uint32_t i, const struct margin *margin,
                 struct faults *faults)
{
    bool whole = margin_is_whole(margin);

    if (!whole) {
        margin_note(mp, i, margin, faults);
        memset(margin->bytes, POISON_BYTE, margin->n);
    }
    return whole;
}

bool
margin_check(struct os_mempool *mp, uint32_t i, struct faults *faults)
{
    struct margin before = margin_before(mp, i);
    struct margin behind = margin_behind(mp, i);

    return (int)margin_check_one(mp, i, &before, faults) &
           (int)margin_check_one(mp, i, &behind, faults);
}

bool
margin_check_all(struct os_mempool *mp, struct faults *faults)
{
    const struct record *record = record_of(mp);
    bool whole = true;

    for (uint32_t i = 0; record->has_margins && i < record->n_blocks; i++) {
        if (!record_is_free(mp, i)) {
            whole &= margin_check(mp, i, faults);
        }
    }
    return whole;
}

bool
margin_is_intact(const struct os_mempool *mp, uint32_t i)
{
    struct margin before = margin_before(mp, i);
    struct margin behind = margin_behind(mp, i);

    return margin_is_whole(&before) && margin_is_whole(&behind);
}
