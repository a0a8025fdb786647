/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os_mempool_inline.h: the owner's plain get and put, one text for programs and for the library.
 *
 * Included by os_mempool.h for a program that defines OSMEMPOOL_INLINE, and by the library, which
 * compiles the same bodies into its exported functions. Everything here begins with osmp_ and is
 * private; only what os_mempool.h says may be used.
 *
 * A pool that one thread alone uses is owned by it: that thread gets and puts without a lock and
 * without an atomic read-modify-write. Any other thread takes the pool's lock first and then takes
 * the ownership away. The two sides are a Dekker pair, of which this side is the cheap one:
 *
 *     owner (here)                             revoker (lib/pool/owner.c), under the pool's lock
 *     busy = pool                              owner = NULL
 *     compiler barrier                         membarrier: a full barrier in every thread
 *     owner still me? else leave               wait while busy == pool
 *     ... section ...                          ... section ...
 *     busy = NULL (release)
 *
 * The membarrier falls either before the owner's store of busy has left its core, and then the
 * owner's second look comes after it and sees NULL; or behind it, and then the revoker sees busy.
 *
 * What an owned pool may look like is narrowed down by who grants ownership, so that "is it mine?"
 * is the only question here about unusual pools: an owned pool is registered, plain, of blocks of
 * two words or more, without caches.
 *
 * Only the first 64 bytes of struct os_mempool are touched; their layout belongs to the soname.
 */
#ifndef OSMEMPOOL_OS_MEMPOOL_INLINE_H
#define OSMEMPOOL_OS_MEMPOOL_INLINE_H

#include "os_mempool.h"

/* Sums and shifts that wrap are meant: clang's -fsanitize=integer, which is not asked for undefined
 * behaviour alone, has nothing to report. */
#ifdef __clang__
#define OSMP_WRAPS __attribute__((__no_sanitize__("integer")))
#else
#define OSMP_WRAPS
#endif

/*
 * Always inlined, never a symbol of its own, and no place for the hooks of -finstrument-functions,
 * which may use pools themselves. (Not static: C99 and later object to a static function
 * in an inline one that is not, which a user's own function may be.)
 */
#define OSMP_ALWAYS __attribute__((__gnu_inline__, __always_inline__, __no_instrument_function__))
#define OSMP_INLINE extern inline OSMP_ALWAYS OSMP_WRAPS

#define osmp_rarely(x) __builtin_expect(!!(x), 0)

#if defined(OSMP_LIBRARY) && defined(__SANITIZE_THREAD__)
#define OSMP_SEQ_CST 1
#elif defined(OSMP_LIBRARY) && defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OSMP_SEQ_CST 1
#endif
#endif

#define OSMP_PEEK OSMP_INLINE
#if defined(OSMP_LIBRARY) && defined(__has_feature)
#if __has_feature(memory_sanitizer)
#undef OSMP_PEEK
#define OSMP_PEEK static __attribute__((__noinline__, __unused__, __no_sanitize__("memory")))
#endif
#endif

/*
 * Orders of the Dekker pair. Relaxed stores suffice, as the revoker's membarrier orders both sides;
 * ThreadSanitizer cannot see that, so a library built with it runs the protocol on sequentially
 * consistent atomics, which need no membarrier. The second load is an acquire (free on x86) for the
 * one grant that another thread makes, after a fork, a clear or a check: what that thread wrote
 * under the lock comes before what the section reads. The first load is followed by one of what it
 * points to; it pairs with the release in owner_grant(), before which the record was made. (A
 * machine that moved the second before it would see 0 there at worst, and take the lock.)
 */
#ifdef OSMP_SEQ_CST
#define OSMP_DEKKER_STORE __ATOMIC_SEQ_CST
#define OSMP_DEKKER_LOAD  __ATOMIC_SEQ_CST
#define OSMP_FIRST_LOAD   __ATOMIC_SEQ_CST
#else
#define OSMP_DEKKER_STORE __ATOMIC_RELAXED
#define OSMP_DEKKER_LOAD  __ATOMIC_ACQUIRE
#define OSMP_FIRST_LOAD   __ATOMIC_RELAXED
#endif

OSMP_LAYOUT_BEGIN

/* A thread that may own pools; the library's record of it begins so. Never freed, only reused. */
struct osmp_thread {
    const struct os_mempool *busy; /* the pool whose section the thread is in; NULL for none */
    uintptr_t tp;                  /* its thread pointer; 0 in a record that nobody has */
};

OSMP_LAYOUT_END

/* Words of a block and of the counters: may_alias, as they are also used as other types. */
typedef uintptr_t __attribute__((__may_alias__)) osmp_word;
typedef uint64_t __attribute__((__may_alias__)) osmp_word64;

/* Words of a free block. */
#define OSMP_LINK 0
#define OSMP_KEY  1

/*
 * The counter word: gets in its high half, mp_num_free in its low, so that one access reads both.
 * A get adds 2^32 - 1. It lies before mp_min_free.
 */
#define OSMP_COUNTS_OFFSET (offsetof(struct os_mempool, mp_min_free) - sizeof(uint64_t))
#define OSMP_COUNTS_GET    (((uint64_t)1 << 32) - 1)

/*
 * The calling thread's pointer: unlike anything in thread-local storage it is read without a call,
 * also in a shared library that is loaded at run time. volatile: a coroutine may go on in another
 * thread than it was suspended in, and __builtin_thread_pointer() may be kept across that. Both
 * dialects of x86's assembler: {AT&T|Intel}, chosen by -masm.
 */
#if defined(__x86_64__) && defined(__LP64__)
#define OSMP_HAVE_THREAD_POINTER 1
OSMP_INLINE uintptr_t
osmp_thread_pointer(void)
{
    uintptr_t tp;

    __asm__ volatile("{mov %%fs:0, %0|mov %0, QWORD PTR fs:0}" : "=r"(tp));
    return tp;
}
#elif defined(__aarch64__) && defined(__LP64__)
#define OSMP_HAVE_THREAD_POINTER 1
OSMP_INLINE uintptr_t
osmp_thread_pointer(void)
{
    uintptr_t tp;

    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(tp));
    return tp;
}
#elif defined(__riscv) && __riscv_xlen == 64
#define OSMP_HAVE_THREAD_POINTER 1
OSMP_INLINE uintptr_t
osmp_thread_pointer(void)
{
    uintptr_t tp;

    __asm__ volatile("mv %0, tp" : "=r"(tp));
    return tp;
}
#elif defined(OSMP_LIBRARY)
/* The library alone: the address of a thread-local variable of its own. */
uintptr_t osmp_thread_pointer(void);
#endif

/*
 * Whether a word, loaded in the given order, differs from a value. On x86-64 by one instruction,
 * which gcc 12 and clang 14 do not make of an atomic load and a comparison: every load is an
 * acquire there, and the clobber keeps the compiler's order. With it the owner's get and put are
 * short enough for two cache lines each. ThreadSanitizer, which looks at atomics alone, gets them.
 */
#if defined(__x86_64__) && defined(__LP64__) && defined(__GCC_ASM_FLAG_OUTPUTS__) &&               \
    !defined(OSMP_SEQ_CST)
OSMP_INLINE bool
osmp_differs(const void *word, uintptr_t value, int order)
{
    bool differs;

    (void)order;

    __asm__ volatile("{cmpq %2, %1|cmp %1, %2}"
                     : "=@ccne"(differs)
                     : "m"(*(const osmp_word *)word), "r"(value)
                     : "memory");
    return differs;
}
#else
OSMP_INLINE bool
osmp_differs(const void *word, uintptr_t value, int order)
{
    return __atomic_load_n((const osmp_word *)word, order) != value;
}
#endif

OSMP_INLINE osmp_word *
osmp_words(void *block)
{
    return (osmp_word *)block;
}

/*
 * A word that the block's user need not have written. A library that is built with MemorySanitizer
 * reads it in a function that is not watched; a program never does (os_mempool.h).
 */
OSMP_PEEK uintptr_t
osmp_peek(const osmp_word *word)
{
    return *word;
}

OSMP_INLINE uintptr_t
osmp_key(const struct os_mempool *mp, const void *block)
{
    return mp->osmp_secret ^ (uintptr_t)block;
}

/* The index of a block; at least mp_num_blocks for any other address. lib/layout/geometry.h. */
OSMP_INLINE uintptr_t
osmp_index(const struct os_mempool *mp, const void *block)
{
    const unsigned bits = 8 * sizeof(uintptr_t);
    uintptr_t i = ((uintptr_t)block - mp->mp_membuf_addr) * mp->osmp_inverse;

    return i >> mp->osmp_shift | i << (-(unsigned)mp->osmp_shift & (bits - 1));
}

#if UINTPTR_MAX > 0xffffffffu
/*
 * Release: readers without the lock load it with acquire, lib/layout/counts.h. The load needs no
 * order: only the caller, owner or holder of the lock, writes it.
 */
OSMP_INLINE void
osmp_counts_store(struct os_mempool *mp, uint64_t word)
{
    __atomic_store_n((osmp_word64 *)(void *)((char *)mp + OSMP_COUNTS_OFFSET), word,
                     __ATOMIC_RELEASE);
}

OSMP_INLINE uint64_t
osmp_counts_load(const struct os_mempool *mp)
{
    return __atomic_load_n(
        (const osmp_word64 *)(const void *)((const char *)mp + OSMP_COUNTS_OFFSET),
        __ATOMIC_RELAXED);
}
#elif defined(OSMP_LIBRARY)
/* The word is two accesses there: lib/layout/counts.c. */
void osmp_counts_store(struct os_mempool *mp, uint64_t word);
uint64_t osmp_counts_load(const struct os_mempool *mp);
#endif

#if defined(OSMP_HAVE_THREAD_POINTER) || defined(OSMP_LIBRARY)

/*
 * Leaves a section. Release: pairs with the revoker's acquire in owner_wait(), which then sees all
 * that the section wrote.
 */
OSMP_INLINE void
osmp_leave(struct osmp_thread *me)
{
    __atomic_store_n(&me->busy, (const struct os_mempool *)NULL, __ATOMIC_RELEASE);
}

/* Enters a section of a pool that the calling thread owns; NULL if it does not. */
OSMP_INLINE struct osmp_thread *
osmp_enter(struct os_mempool *mp)
{
    /* A first look, repeated below. tp of a record changes only while it owns nothing. That there
     * is no owner is not rare: a cached pool has none. */
    struct osmp_thread *me = __atomic_load_n(&mp->osmp_owner, OSMP_FIRST_LOAD);

    if (me == NULL || osmp_rarely(osmp_differs(&me->tp, osmp_thread_pointer(), __ATOMIC_RELAXED))) {
        return NULL;
    }
    /* Store and load of the Dekker pair; the compiler must keep their order, the core need not. */
    __atomic_store_n(&me->busy, mp, OSMP_DEKKER_STORE);
    __asm__ volatile("" ::: "memory");
    if (osmp_rarely(osmp_differs(&mp->osmp_owner, (uintptr_t)me, OSMP_DEKKER_LOAD))) {
        osmp_leave(me);
        return NULL;
    }
    return me;
}

/*
 * Takes the first block in the plain case; NULL in any other: no block, a new low-water mark, a
 * link that is not a block's, a carry out of the low half of gets. A free count above the mark is
 * above 0, so there is a first block; its link may be NULL only if it is the last.
 */
OSMP_INLINE void *
osmp_pop(struct os_mempool *mp)
{
    void *block = mp->slh_first;
    uint64_t word = osmp_counts_load(mp);
    void *next;

    if (osmp_rarely((uint32_t)word <= mp->mp_min_free)) {
        return NULL;
    }
    next = (void *)osmp_words(block)[OSMP_LINK];
    if (osmp_rarely(osmp_index(mp, next) >= mp->mp_num_blocks) &&
        (next != NULL || (uint32_t)word != 1)) {
        return NULL;
    }
    if (osmp_rarely(__builtin_add_overflow(word, OSMP_COUNTS_GET, &word))) {
        return NULL;
    }
    mp->slh_first = (struct os_memblock *)next;
    osmp_words(block)[OSMP_KEY] = 0;
    osmp_counts_store(mp, word);
    return block;
}

/*
 * Puts a block first in the plain case; false in any other: not a block of the pool, perhaps free
 * already, all blocks free.
 */
OSMP_INLINE bool
osmp_push(struct os_mempool *mp, void *block)
{
    uint64_t word = osmp_counts_load(mp);
    uintptr_t key = osmp_key(mp, block);

    if (osmp_rarely(osmp_index(mp, block) >= mp->mp_num_blocks ||
                    (uint32_t)word == mp->mp_num_blocks ||
                    osmp_peek(&osmp_words(block)[OSMP_KEY]) == key)) {
        return false;
    }
    /* The key last: side by side, gcc makes one vector of link and key, which takes it longer. */
    osmp_words(block)[OSMP_LINK] = (uintptr_t)mp->slh_first;
    mp->slh_first = (struct os_memblock *)block;
    osmp_words(block)[OSMP_KEY] = key;
    osmp_counts_store(mp, word + 1);
    return true;
}

/* The owner's get: NULL where the library's function has to see to it. */
OSMP_INLINE void *
osmp_owner_get(struct os_mempool *mp)
{
    struct osmp_thread *me = osmp_enter(mp);
    void *block;

    if (me == NULL) {
        return NULL;
    }
    block = osmp_pop(mp);
    osmp_leave(me);
    return block;
}

/* The owner's put: false where the library's function has to see to it. */
OSMP_INLINE bool
osmp_owner_put(struct os_mempool *mp, void *block)
{
    struct osmp_thread *me = osmp_enter(mp);
    bool done;

    if (me == NULL) {
        return false;
    }
    done = osmp_push(mp, block);
    osmp_leave(me);
    return done;
}

#endif

#if defined(OSMP_HAVE_THREAD_POINTER) && !defined(OSMP_LIBRARY)

/* The library's own functions, under names that the inline ones below do not hide. */
extern OSMP_NOPLT void *osmp_call_get(struct os_mempool *mp) OSMP_LABEL(os_memblock_get);
extern OSMP_NOPLT os_error_t osmp_call_put(struct os_mempool *mp, void *block)
    OSMP_LABEL(os_memblock_put);

/*
 * To clang a function that calls one of its own symbol name calls itself: it drops the body, or
 * makes a loop of the call. So the address goes through a register that it cannot look behind.
 */
OSMP_INLINE void *
osmp_other_get(struct os_mempool *mp)
{
    void *(*call)(struct os_mempool *) = osmp_call_get;

    __asm__("" : "+r"(call));
    return call(mp);
}

OSMP_INLINE os_error_t
osmp_other_put(struct os_mempool *mp, void *block)
{
    os_error_t (*call)(struct os_mempool *, void *) = osmp_call_put;

    __asm__("" : "+r"(call));
    return call(mp, block);
}

OSMP_INLINE void *
os_memblock_get(struct os_mempool *mp)
{
    void *block = osmp_rarely(mp == NULL) ? NULL : osmp_owner_get(mp);

    return osmp_rarely(block == NULL) ? osmp_other_get(mp) : block;
}

OSMP_INLINE os_error_t
os_memblock_put(struct os_mempool *mp, void *block_addr)
{
    if (osmp_rarely(mp == NULL || !osmp_owner_put(mp, block_addr))) {
        return osmp_other_put(mp, block_addr);
    }
    return OS_OK;
}

#endif

#endif
