/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.h: memory of the library's own, by whole pages from the kernel.
 *
 * Never malloc()'s, which may itself stand on a pool, and may want locks of its own.
 */
#ifndef OSMP_BASE_PAGES_H
#define OSMP_BASE_PAGES_H

#include <stddef.h>

/*
 * Maps so many bytes of zeroes, which munmap() gives back; NULL if there are none. Takes memory of
 * the machine only as it is written. Leaves errno as it was.
 */
void *pages_map(size_t n);

#endif
