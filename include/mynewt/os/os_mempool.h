/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mynewt/os/os_mempool.h: the pools of this library in a source tree that has headers os/os.h,
 * os/queue.h and others of its own, such as Mynewt's or NimBLE's.
 *
 * It stands alone in its directory, so that the directory can come before the tree's and takes the
 * place of this one header (pkg-config osmempool-mynewt). OS_ALIGNMENT, OS_ALIGN(), os_error_t and
 * the macros for queues are the tree's. <osmempool/osmempool.h> may be included after it.
 */
#ifndef OSMEMPOOL_MYNEWT_OS_MEMPOOL_H
#define OSMEMPOOL_MYNEWT_OS_MEMPOOL_H

/* Set by the tree's os_mempool.h before it includes os/os.h, and that perhaps this header. */
#ifdef _OS_MEMPOOL_H_
#error "the tree's own os_mempool.h came first: put the flags of osmempool-mynewt before its -I"
#elif defined(OSMEMPOOL_OS_MEMPOOL_H)
#error "<osmempool.h> came first: in a tree that has an os/os.h include os/os_mempool.h before it"
#else

/* Whoever includes the tree's os_mempool.h by its path finds that done. */
#define _OS_MEMPOOL_H_
#define OSMP_IN_TREE

#include <stdint.h>

#include "os/os.h"
#include "os/queue.h"

/* Blocks are of whole pointers, whatever it is. */
#ifndef OS_ALIGNMENT
#error "os/os.h defines no OS_ALIGNMENT: without such a tree use osmempool, not osmempool-mynewt"
#elif OS_ALIGNMENT > 8 || (OS_ALIGNMENT > 4 && UINTPTR_MAX <= 0xffffffffu)
#error "OS_ALIGNMENT is above the size of a pointer, buffers would be too small: lower it to that"
#endif

#include "../../os/os_mempool.h"

#endif

#endif
