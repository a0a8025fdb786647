/* SPDX-License-Identifier: Apache-2.0 */
/* memory.h: memory that may be gone. */
#ifndef OSMP_BASE_MEMORY_H
#define OSMP_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the first and the last of n bytes can be read; 0 bytes can. True where the kernel does
 * not tell. Takes a system call, allocates nothing, and leaves errno as it was.
 */
bool memory_can_be_read(const void *bytes, size_t n);

/* Copies n bytes; false if not all of them can be read, or the kernel does not do that. Likewise.
 */
bool memory_read(void *to, const void *bytes, size_t n);

#endif
