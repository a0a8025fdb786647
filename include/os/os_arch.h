/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os_arch.h: alignment of memory blocks.
 *
 * Mynewt's name for the header; on Linux the only architecture facts that a pool needs are the
 * size of a pointer and the arithmetic of rounding up.
 */
#ifndef OSMEMPOOL_OS_ARCH_H
#define OSMEMPOOL_OS_ARCH_H

#include <stddef.h>
#include <stdint.h>

/**
 * Alignment of every block, in bytes: the size of a pointer, as a free block holds a list link.
 * A preprocessor constant, so that it serves in #if, too.
 */
#if UINTPTR_MAX > 0xffffffffu
#define OS_ALIGNMENT 8
#else
#define OS_ALIGNMENT 4
#endif

/**
 * Rounds n up to a multiple of a, a power of two. Computed in size_t whatever the types of the
 * arguments are; a constant expression where they are constants. Evaluates each argument once or
 * twice.
 */
#define OS_ALIGN(n, a) (((size_t)(n) + ((size_t)(a)-1)) & ~((size_t)(a)-1))

#endif
