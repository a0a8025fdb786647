/* SPDX-License-Identifier: Apache-2.0 */
#include "layout/geometry.h"

/*
 * Newton's iteration doubles the number of right low bits; odd * odd == 1 modulo 8, so odd is
 * its own inverse to 3 bits, and 5 rounds make 96.
 */
static uintptr_t
geometry_inverse(uintptr_t odd)
{
    uintptr_t inverse = odd;

    for (int round = 0; round < 5; round++) {
        inverse *= 2 - odd * inverse;
    }
    return inverse;
}

void
geometry_place(struct os_mempool *mp, uintptr_t first, size_t step)
{
    mp->mp_membuf_addr = first;
    mp->osmp_shift = (uint8_t)__builtin_ctzl(step);
    mp->osmp_inverse = geometry_inverse(step >> mp->osmp_shift);
}

void
geometry_set(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, const void *membuf)
{
    mp->mp_num_blocks = blocks;
    mp->mp_block_size = block_size;
    geometry_place(mp, (uintptr_t)membuf, geometry_stride(mp));
}

/* From its own inverse, so that nothing has to keep it. */
size_t
geometry_step(const struct os_mempool *mp)
{
    return geometry_inverse(mp->osmp_inverse) << mp->osmp_shift;
}

/* The step is a stride, unless block i would then have another number. */
void *
geometry_at(const struct os_mempool *mp, uint32_t i)
{
    void *block = geometry_block(mp, i);

    if (osmp_rarely(osmp_index(mp, block) != i)) {
        block = (void *)(mp->mp_membuf_addr + i * geometry_step(mp));
    }
    return block;
}

struct geometry_extent
geometry_extent_of(const struct os_mempool *mp, bool may_be_apart)
{
    return (struct geometry_extent){
        .first = mp->mp_membuf_addr,
        .step = may_be_apart ? geometry_step(mp) : geometry_stride(mp),
        .stride = geometry_stride(mp),
        .num_blocks = mp->mp_num_blocks,
    };
}

uint32_t
geometry_extent_find(const struct geometry_extent *extent, uintptr_t address, size_t *offset)
{
    uintptr_t distance = address - extent->first;

    *offset = 0;
    if (extent->num_blocks == 0 || address < extent->first ||
        distance / extent->step >= extent->num_blocks ||
        distance % extent->step >= extent->stride) {
        return UINT32_MAX;
    }
    *offset = distance % extent->step;
    return (uint32_t)(distance / extent->step);
}

uint32_t
geometry_find(const struct os_mempool *mp, uintptr_t address, size_t *offset)
{
    struct geometry_extent extent;

    *offset = 0;
    if (mp->mp_num_blocks == 0) {
        return UINT32_MAX;
    }
    extent = geometry_extent_of(mp, true);
    return geometry_extent_find(&extent, address, offset);
}

os_error_t
geometry_check(uint32_t blocks, uint32_t block_size, const void *membuf)
{
    size_t stride = OS_ALIGN(block_size, OS_ALIGNMENT);
    size_t bytes;
    uintptr_t end;

    /* A stride of 0 is a size of 0, or on 32 bits one that wrapped when it was rounded up. */
    if (stride == 0 || (membuf == NULL && blocks > 0)) {
        return OS_INVALID_PARM;
    }
    if (__builtin_mul_overflow(stride, blocks, &bytes) ||
        __builtin_add_overflow((uintptr_t)membuf, bytes, &end)) {
        return OS_INVALID_PARM;
    }
    return (uintptr_t)membuf % OS_ALIGNMENT == 0 ? OS_OK : OS_MEM_NOT_ALIGNED;
}
