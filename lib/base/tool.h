/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.h: what Valgrind is told, as it cannot see it.
 *
 * One of two bodies is built in: valgrind/ sends client requests when the program runs under
 * Valgrind, native/ does nothing. The Meson option `valgrind` chooses.
 */
#ifndef OSMP_BASE_TOOL_H
#define OSMP_BASE_TOOL_H

#include <stddef.h>

#include "tool_body.h"

/* Whether the program runs under Valgrind. */
static inline bool tool_running(void);

/* The bytes may be read though nobody wrote them: the key of a block that its user left unset. */
static inline void tool_make_defined(const void *bytes, size_t n);

/* Whether it runs under Memcheck, which follows each access to memory. */
static inline bool tool_checks_memory(void);

/* A set of blocks begins and ends, told apart by its handle; one goes out or comes back. */
static inline void tool_pool_begin(const void *handle);
static inline void tool_pool_end(const void *handle);
static inline void tool_block_out(const void *handle, const void *block, size_t n);
static inline void tool_block_in(const void *handle, const void *block);

/* The byte counts as memory from malloc() that is in use: without any, Memcheck looks for no leak.
 */
static inline void tool_keep(const void *byte);

/* Nobody may touch the bytes; or all may, but what they hold is undefined. */
static inline void tool_hide(const void *bytes, size_t n);
static inline void tool_show(const void *bytes, size_t n);

/* Of the bytes those that nobody may touch may be touched again. */
static inline void tool_reveal(const void *bytes, size_t n);

/* A set of blocks, which lay in these bytes, is forgotten. What the tool knows of each byte stays:
 * they may be used for something else by now. */
static inline void tool_pool_forget(const void *handle, const void *bytes, size_t n);

/* A lock that is not a pthread mutex was taken, or is about to be given. */
static inline void tool_lock_taken(const void *lock);
static inline void tool_lock_giving(const void *lock);

/* A pthread mutex that a forked child inherited taken is about to be made anew. */
static inline void tool_mutex_inherited(void *mutex);

/* Helgrind shall not check these bytes: they are atomics, which it takes for races. */
static inline void tool_atomics(const void *bytes, size_t n);

#endif
