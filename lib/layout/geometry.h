/* SPDX-License-Identifier: Apache-2.0 */
/*
 * geometry.h: where a pool's blocks lie.
 *
 * Block i begins at mp_membuf_addr + i * stride, the stride being the block size rounded up to
 * OS_ALIGNMENT. The way back, from an address to an index, must be fast and must tell a block from
 * any other address. One multiplication does both:
 * (osmp_index() in os_mempool_inline.h):
 *
 * Let stride = odd * 2^shift, and inverse the inverse of odd modulo 2^W, W the bits of an address.
 * For an address at distance d from the base, d * inverse (mod 2^W) rotated right by shift is i
 * exactly if d == i * stride: a distance that is no multiple of 2^shift leaves low bits that
 * rotate to the top, and on the multiples of 2^shift the map is one to one onto 0 .. 2^(W-shift)-1,
 * whose first num_blocks values the blocks take. So "is it a block?" is one comparison with
 * mp_num_blocks. (The inverse: H. S. Warren, Hacker's Delight, 2nd edition, 10-16.)
 */
#ifndef OSMP_LAYOUT_GEOMETRY_H
#define OSMP_LAYOUT_GEOMETRY_H

#include <stdbool.h>

#include "os/os_mempool_inline.h"

/* Fills in what locates a pool's blocks. The arguments have passed geometry_check(). */
void geometry_set(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, const void *membuf);

/*
 * Moves the blocks elsewhere: the first one, and how far it is from each to the next. The step is a
 * stride, or more where lib/check/ sets the blocks apart.
 */
void geometry_place(struct os_mempool *mp, uintptr_t first, size_t step);

/* How far it is from one block to the next; 0 where all bytes of the struct are 0. */
size_t geometry_step(const struct os_mempool *mp);

/* Address of block i, wherever geometry_place() has put it. */
void *geometry_at(const struct os_mempool *mp, uint32_t i);

/* Where the blocks of a pool lie, apart from its struct. */
struct geometry_extent {
    uintptr_t first; /* address of block 0 */
    size_t step;     /* from one block to the next */
    size_t stride;   /* bytes of a block that are its own */
    uint32_t num_blocks;
};

/* Of a pool whose blocks may be set apart, or else are not, which is known sooner. */
struct geometry_extent geometry_extent_of(const struct os_mempool *mp, bool may_be_apart);

/* The number of the block that holds an address, and the address's offset in it; UINT32_MAX and 0
 * if it is in none. */
uint32_t
geometry_extent_find(const struct geometry_extent *extent, uintptr_t address, size_t *offset);
uint32_t geometry_find(const struct os_mempool *mp, uintptr_t address, size_t *offset);

/* Whether a pool of these measures can exist: OS_OK, OS_INVALID_PARM or OS_MEM_NOT_ALIGNED. */
os_error_t geometry_check(uint32_t blocks, uint32_t block_size, const void *membuf);

/* Bytes of a processor's cache line, and of the addresses that its sets tell apart, as shifts. */
enum { GEOMETRY_LINE_SHIFT = 6, GEOMETRY_PAGE_SHIFT = 12 };

/* Bytes of a block, and from one block to the next unless geometry_place() set them apart. */
static inline size_t
geometry_stride(const struct os_mempool *mp)
{
    return OS_ALIGN(mp->mp_block_size, OS_ALIGNMENT);
}

/* Whether a block has room for a key beside the link. */
static inline bool
geometry_has_key(const struct os_mempool *mp)
{
    return mp->mp_block_size > OS_ALIGNMENT;
}

/*
 * Where a block's key is: in word 1 of a cache line, which is chosen by the number of the page that
 * the block begins in. The mask is 0, and that line the first, but in cached pools of large blocks:
 * the first lines of blocks 2 KiB apart share few sets of a processor's cache, and a cached pool
 * touches nothing else of a block. Blocks of one page have sets of their own anyway. The mask being
 * that of a line's offset, one shift takes the number of the page and makes an offset of it.
 */
static inline size_t
geometry_key_offset(const void *block, size_t mask)
{
    const unsigned shift = GEOMETRY_PAGE_SHIFT - GEOMETRY_LINE_SHIFT;

    return ((uintptr_t)block >> shift & mask) + OSMP_KEY * sizeof(osmp_word);
}

/* The mask of a pool, of osmp_key_lines. */
static inline size_t
geometry_key_mask(const struct os_mempool *mp)
{
    return (size_t)mp->osmp_key_lines << GEOMETRY_LINE_SHIFT;
}

static inline bool
geometry_holds(const struct os_mempool *mp, const void *block)
{
    return osmp_index(mp, block) < mp->mp_num_blocks;
}

/* What geometry_span_holds() knows of a pool, which has one block at least. */
struct geometry_span {
    uintptr_t last;    /* the last block's index << osmp_shift */
    uint32_t low_mask; /* the osmp_shift bits below it */
};

static inline struct geometry_span
geometry_span_of(const struct os_mempool *mp)
{
    return (struct geometry_span){
        .last = (uintptr_t)(mp->mp_num_blocks - 1) << mp->osmp_shift,
        .low_mask = (uint32_t)(((uint64_t)1 << mp->osmp_shift) - 1),
    };
}

/*
 * What geometry_holds() tells, without the rotation: low bits that are not 0 would rotate to the
 * top, and make an index that no block has; where they are 0, products are in the order of indices.
 */
static inline bool
geometry_span_holds(const struct os_mempool *mp, const struct geometry_span *span,
                    const void *block)
{
    uintptr_t product = ((uintptr_t)block - mp->mp_membuf_addr) * mp->osmp_inverse;

    return !osmp_rarely(product > span->last) &&
           !osmp_rarely(((uint32_t)product & span->low_mask) != 0);
}

/*
 * Whether memory of n bytes lies, at least in part, where the blocks do, unless they are set apart.
 * (It does if its end is less than n and all blocks' bytes, together, behind their first one.)
 */
static inline bool
geometry_touches(const struct os_mempool *mp, const void *memory, size_t n)
{
    uintptr_t distance = (uintptr_t)memory + n - mp->mp_membuf_addr;

    return distance - 1 < mp->mp_num_blocks * geometry_stride(mp) + n - 1;
}

/* Whether the blocks are set apart: their step is not the stride, as its inverse tells. */
static inline bool
geometry_is_apart(const struct os_mempool *mp)
{
    return mp->osmp_inverse * (geometry_stride(mp) >> mp->osmp_shift) != 1;
}

static inline struct os_memblock *
geometry_block(const struct os_mempool *mp, uint32_t i)
{
    return (struct os_memblock *)(mp->mp_membuf_addr + (uintptr_t)i * geometry_stride(mp));
}

#endif
