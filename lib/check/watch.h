/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h: the tools that watch each access to memory, told what is a block and who has it.
 *
 * Memcheck and AddressSanitizer. In a program under one of them every registered pool is checked,
 * and nothing of the library touches a free block: the tool holds it for inaccessible.
 *
 * Synchronization: under the pool's lock; watch_kind() and watch_is_fixed() at any time.
 */
#ifndef OSMP_CHECK_WATCH_H
#define OSMP_CHECK_WATCH_H

#include <stdbool.h>
#include <stddef.h>

enum watch {
    WATCH_NONE,
    WATCH_MEMCHECK,
    WATCH_ASAN,
};

/* Who watches this process. Not AddressSanitizer if ASAN_OPTIONS has allow_user_poisoning=0. */
enum watch watch_kind(void);

/* Whether leaks are to be told, as AddressSanitizer's own leak check does unless it is told not to.
 */
bool watch_wants_leaks(void);

/* The exit status of such a program if it has leaks, as AddressSanitizer has it; 0: its own. */
int watch_leak_exit_code(void);

/* For unit tests that write into free blocks on purpose: nobody watches from now on. */
void watch_ignore(void);

/* Blocks are lost, or may be, and the program ends or will: Memcheck is to look for them. Under the
 * registry's mutex, or when the program ends. */
void watch_want_leak_check(void);

/* The bytes are the library's, so that it may format them. */
void watch_prepare(const void *bytes, size_t n);

/* A pool begins, its blocks free. The handle stands for it, as it may be born again; with NULL in
 * its place tools learn what may be touched, and not who has it. */
void watch_begin(const void *handle, const void *bytes, size_t n);

/* All that is said of it is void. */
void watch_end(const void *handle, const void *bytes, size_t n);

/* The same of a pool that is over, whose buffer may be gone: no mark stays on fixed memory, and
 * none is touched on other memory, which its allocator may have back. */
void watch_give_back(const void *handle, const void *bytes, size_t n, bool is_fixed);

/* Bytes of fixed memory that nobody might touch may be touched; the rest is as it was. */
void watch_open(const void *bytes, size_t n);

/*
 * AddressSanitizer's marks of a pool that went with its stack frame come off the stack below the
 * caller: the library's own calls of libc would be reported else. Nobody lives there.
 */
void watch_clear_stack(void);

/* Whether an address is static or on the caller's stack. Call it with no lock held: it asks the
 * loader. */
bool watch_is_fixed(const void *address);

/* Whether it is on the caller's stack. */
bool watch_is_on_stack(const void *address);

/* A block of n bytes goes out; a block of n bytes comes back. */
void watch_out(const void *handle, const void *block, size_t n);
void watch_in(const void *handle, const void *block, size_t n);

#endif
