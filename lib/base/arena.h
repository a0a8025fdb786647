/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h: the library's own allocator.
 *
 * The library allocates under its locks, and a program's malloc must not be called there: it may
 * lock itself for a fork before the library does, or stand on a pool. So pieces come from pages of
 * the library's own (pages.h): up to ARENA_PIECE_MAX bytes from lists of free pieces, one for each
 * power of two, which never go back to the kernel; more from a mapping of their own.
 *
 * Synchronization: one mutex, the last in the lock order; no call is made with it held. A fork does
 * not take it: a thread that is in the critical section then leaves the lists whole to the child.
 */
#ifndef OSMP_BASE_ARENA_H
#define OSMP_BASE_ARENA_H

#include <stddef.h>

enum { ARENA_PIECE_MAX = 32768 };

/* Allocates n bytes of zeroes on a boundary of 64 bytes; NULL if there is no memory. */
void *arena_alloc(size_t n);

/* The same for n elements of a size; NULL also if there is no such number of bytes. */
void *arena_alloc_array(size_t n, size_t size);

/* Frees what was allocated with n bytes; NULL is allowed. */
void arena_free(void *piece, size_t n);

/* Around a fork, in the thread that forks; one thread at a time. */
void arena_fork_prepare(void);
void arena_fork_parent(void);
void arena_fork_child(void);

#endif
