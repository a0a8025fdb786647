/* SPDX-License-Identifier: Apache-2.0 */
/* compiler.h: attributes under short names. */
#ifndef OSMP_BASE_COMPILER_H
#define OSMP_BASE_COMPILER_H

/* Exported from the shared library; everything else is hidden (gnu_symbol_visibility). */
#define OSMP_PUBLIC __attribute__((visibility("default")))

/*
 * After an exported function os_x, whose symbol is osmempool_os_x: the API's name for it, as a
 * local symbol. Debuggers, perf and bpftrace find it; nothing links with it. An alias, not an
 * assembler's directive, so that link-time optimisation keeps the two together.
 */
#define OSMP_LOCAL_NAME(function)                                                                  \
    static __typeof__(function) function##_by_name __asm__(#function)                              \
        __attribute__((alias(OSMEMPOOL_SYMBOL(function)), used))

/* Called most of all: begins on a cache line, so that a get or a put lies on as few as it can. */
#define OSMP_HOT __attribute__((aligned(64)))

/* Rarely called: kept out of line and out of the hot path's cache lines. */
#define OSMP_COLD __attribute__((cold, noinline))

/* A function that reads memory which its user need not have written. */
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define OSMP_NO_MSAN __attribute__((no_sanitize("memory")))
#endif
#endif
#ifndef OSMP_NO_MSAN
#define OSMP_NO_MSAN
#endif

/* A function that reads memory which its user may be writing just now, whatever it finds there. */
#if defined(__SANITIZE_THREAD__)
#define OSMP_NO_TSAN __attribute__((no_sanitize("thread")))
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OSMP_NO_TSAN __attribute__((no_sanitize("thread")))
#endif
#endif
#ifndef OSMP_NO_TSAN
#define OSMP_NO_TSAN
#endif

/* Part of the exported function that it stands in, at every level of optimisation. */
#define OSMP_WITHIN static inline __attribute__((always_inline))

/* Where an exported function was called from: in that function itself, and in what is within. */
#define osmp_caller() __builtin_extract_return_addr(__builtin_return_address(0))

#define osmp_likely(x)   __builtin_expect(!!(x), 1)
#define osmp_unlikely(x) __builtin_expect(!!(x), 0)

#endif
