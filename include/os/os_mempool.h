/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os_mempool.h: fixed-size-block memory pools with the API of Apache Mynewt's os_mempool.
 *
 * A pool (struct os_mempool) and the buffer that its blocks lie in are both the caller's memory.
 * os_mempool_init() divides the buffer into blocks and registers the pool; os_memblock_get() takes
 * a block out and os_memblock_put() gives it back. The pool guarantees its blocks: get fails only
 * while all of them are out. An extended pool (struct os_mempool_ext) has a function that is called
 * instead of putting a block back.
 *
 * Threads: every call may be made from any thread at any time, unless its comment says otherwise.
 * None is async-signal-safe, as malloc is not. A pool must not be used while another thread
 * unregisters it or after its memory has gone.
 *
 * Every call refuses bad input with an error and changes nothing then. The types differ from
 * Mynewt's only by being wider; doc/porting.md has the table.
 *
 * A function os_x has the symbol osmempool_os_x. Code that was compiled with another os_mempool.h
 * does not link with this library, and a program that has functions of the same names keeps them.
 */
#ifndef OSMEMPOOL_OS_MEMPOOL_H
#define OSMEMPOOL_OS_MEMPOOL_H

/* Macros that only the header of another implementation can have defined by now. */
#if defined(OS_MEMPOOL_INFO_NAME_LEN) || defined(OS_MEMPOOL_BYTES)
#error "another os_mempool.h came first: put the flags of osmempool-mynewt before its tree's -I"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In a tree with headers of these names, mynewt/os/os_mempool.h has included those. */
#ifndef OSMP_IN_TREE
#include "os_arch.h"
#include "os_error.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Calls past the procedure linkage table, whose extra jump is a tenth of the time of a get and a
 * put: the address is read where the call is made. (What gcc does with -fno-plt, for these
 * functions alone; clang has the option, but no attribute.) On the processors that it was measured
 * on: elsewhere a linker may count on the table.
 */
#if defined(__has_attribute) && (defined(__x86_64__) || defined(__i386__) || defined(__aarch64__))
#if __has_attribute(__noplt__)
#define OSMP_NOPLT __attribute__((__noplt__))
#endif
#endif
#ifndef OSMP_NOPLT
#define OSMP_NOPLT
#endif

/**
 * The symbol of a function of this API, as a string: for dlsym(3), and for declarations of one's
 * own. OSMEMPOOL_SYMBOL(os_memblock_get) is "osmempool_os_memblock_get".
 */
#define OSMEMPOOL_SYMBOL(function) "osmempool_" #function

/* Not by OSMEMPOOL_SYMBOL(), which would be given what a program's macro of that name stands for.
 */
#define OSMP_LABEL(function) __asm__("osmempool_" #function)

/*
 * Structures between these two are laid out as in the library, whatever -fpack-struct and
 * -malign-double say where they are compiled.
 */
#ifdef __i386__
#define OSMP_LAYOUT_BEGIN _Pragma("pack(push, 4)")
#else
#define OSMP_LAYOUT_BEGIN _Pragma("pack(push, 8)")
#endif
#define OSMP_LAYOUT_END _Pragma("pack(pop)")

/** Size of omi_name, in bytes: names are kept to 31 bytes and a NUL. */
#define OS_MEMPOOL_INFO_NAME_LEN 32

/** In mp_flags: the pool is a struct os_mempool_ext and its address may be cast to one. */
#define OS_MEMPOOL_F_EXT 0x01

/**
 * What a pool's buffer is made of: one element has the size of OS_ALIGNMENT. (In a tree that has an
 * OS_ALIGNMENT of 4 on a 64-bit machine blocks take pairs of them, and a buffer must begin on an
 * address that 8 divides.)
 */
#if UINTPTR_MAX > 0xffffffffu && OS_ALIGNMENT == 8
typedef uint64_t os_membuf_t;
#else
typedef uint32_t os_membuf_t;
#endif

/** Bytes that a block of sz bytes takes before rounding: no guard is added here. */
#define OS_MEMPOOL_BLOCK_SZ(sz) (sz)

/**
 * Number of os_membuf_t elements that a pool of n blocks of blksize bytes needs; for arrays:
 * `static os_membuf_t buf[OS_MEMPOOL_SIZE(16, 100)];`. Computed in size_t; a constant expression
 * where both arguments are constants.
 */
#define OS_MEMPOOL_SIZE(n, blksize)                                                                \
    ((((size_t)(blksize) + (sizeof(void *) - 1)) / sizeof(void *)) *                               \
     (sizeof(void *) / sizeof(os_membuf_t)) * (size_t)(n))

/** Number of bytes that a pool of n blocks of blksize bytes needs; for malloc and its like. */
#define OS_MEMPOOL_BYTES(n, blksize) (sizeof(os_membuf_t) * OS_MEMPOOL_SIZE(n, blksize))

/**
 * A free block. While a block is out, all of its bytes are its owner's; only while it is on the
 * free list does it hold this link.
 */
struct os_memblock {
    struct {
        struct os_memblock *sle_next;
    } mb_next;
};

struct osmp_thread;

OSMP_LAYOUT_BEGIN

/**
 * A pool. Allocated by the caller anywhere (static, stack, heap), filled in by os_mempool_init().
 * Members that begin with mp_, slh_first and name may be read, but not written; those that begin
 * with osmp_ are private. Size and layout are part of the ABI and the same for every build option.
 */
struct os_mempool {
    /** First free block; the free list runs through the blocks. SLIST_FIRST(mp) reads it. */
    struct os_memblock *slh_first;
    struct osmp_thread *osmp_owner;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    uint32_t osmp_gets;
    uint32_t mp_num_free;
#else
    /** Number of blocks on the pool's free list. */
    uint32_t mp_num_free;
    uint32_t osmp_gets;
#endif
    /** The lowest number of free blocks ever seen. */
    uint32_t mp_min_free;
    /** Number of blocks of the pool. */
    uint32_t mp_num_blocks;
    /** Address of the buffer. */
    uintptr_t mp_membuf_addr;
    uintptr_t osmp_inverse;
    uintptr_t osmp_secret;
    /** Size of a block in bytes, as given to os_mempool_init(). */
    uint32_t mp_block_size;
    /** OS_MEMPOOL_F_[...] */
    uint8_t mp_flags;
    uint8_t osmp_shift;
    uint8_t osmp_key_lines;
    /** The name as the caller gave it. Never read again after init: the library keeps a copy. */
    char *name;
    /** Mynewt's list entry by shape; always NULL. os_mempool_info_get_next() walks the pools. */
    struct {
        struct os_mempool *stqe_next;
    } mp_list;
    uint64_t osmp_tail[38];
};

struct os_mempool_ext;

/**
 * Put callback of an extended pool: called by os_memblock_put() instead of putting the block back.
 * It frees the block, now or later, with os_memblock_put_from_cb(). It runs in the thread that
 * puts, with no lock held, so it may call anything here, also unregister the pool and free its
 * memory: nothing of it is touched afterwards. It may go on in another thread, as part of a
 * coroutine.
 *
 * @param ome   The extended pool that the block goes back to.
 * @param data  The block.
 * @param arg   mpe_put_arg.
 * @return      What os_memblock_put() shall return: 0, or an error if the block was not released.
 */
typedef os_error_t os_mempool_put_fn(struct os_mempool_ext *ome, void *data, void *arg);

/** An extended pool. The last two members are NULL after init and set by the user. */
struct os_mempool_ext {
    struct os_mempool mpe_mp;
    /** Called by os_memblock_put() in place of putting the block back; NULL for none. */
    os_mempool_put_fn *mpe_put_cb;
    /** Passed to mpe_put_cb. */
    void *mpe_put_arg;
};

/** What os_mempool_info_get_next() and os_mempool_get() tell; above INT_MAX shown as INT_MAX. */
struct os_mempool_info {
    int omi_block_size;                      /**< size of a block in bytes */
    int omi_num_blocks;                      /**< number of blocks */
    int omi_num_free;                        /**< number of free blocks */
    int omi_min_free;                        /**< lowest number of free blocks ever */
    char omi_name[OS_MEMPOOL_INFO_NAME_LEN]; /**< first 31 bytes of the name, "" if unnamed */
};

OSMP_LAYOUT_END

/**
 * Initialises a pool and registers it, as the last one. A pool that is registered already, or was
 * dropped by os_mempool_module_init(), is forgotten, whatever of it is in use, and made anew: no
 * other thread may use it meanwhile.
 *
 * @param mp          The pool; its former content is not read.
 * @param blocks      Number of blocks; 0 makes an empty pool.
 * @param block_size  Size of a block in bytes, not 0; rounded up to OS_ALIGNMENT for the stride.
 * @param membuf      Buffer of OS_MEMPOOL_BYTES(blocks, block_size) bytes on an OS_ALIGNMENT
 *                    boundary; stays the caller's and must outlive the pool. NULL only if
 *                    blocks is 0.
 * @param name        Name for reports, copied (31 bytes); NULL counts as "".
 * @return OS_OK; OS_INVALID_PARM for a NULL pool, a size of 0, a NULL buffer, or a buffer that
 *         would wrap round the address space; OS_MEM_NOT_ALIGNED; OS_ENOMEM if there is no memory
 * to register it. With an error, nothing was changed.
 */
os_error_t os_mempool_init(struct os_mempool *mp, uint32_t blocks, uint32_t block_size,
                           void *membuf, const char *name) OSMP_LABEL(os_mempool_init);

/**
 * Initialises an extended pool and registers it. Callback and argument are NULL afterwards, to be
 * assigned by the caller. Parameters as os_mempool_init().
 *
 * @return What os_mempool_init() returns.
 */
os_error_t os_mempool_ext_init(struct os_mempool_ext *mpe, uint32_t blocks, uint32_t block_size,
                               void *membuf, const char *name) OSMP_LABEL(os_mempool_ext_init);

/**
 * Takes a pool off the list of registered pools. Blocks that are in use stay valid and the pool
 * goes on working, unregistered, for as long as its memory lives. The buffer may be gone already:
 * it is not written, and read only under the debug word check.
 *
 * @return OS_OK; OS_INVALID_PARM if mp is NULL, not registered, or was overwritten since its init.
 *         Of a pool that os_mempool_module_init() dropped this frees what the library keeps for it:
 *         it must not be used again until it is initialised.
 */
os_error_t os_mempool_unregister(struct os_mempool *mp) OSMP_LABEL(os_mempool_unregister);

/**
 * Makes every block of a pool free again, in the order of a new pool. Whoever still holds a block
 * must forget it: putting it is refused as long as it is free.
 *
 * @return OS_OK; OS_INVALID_PARM if mp is NULL.
 */
os_error_t os_mempool_clear(struct os_mempool *mp) OSMP_LABEL(os_mempool_clear);

/**
 * Makes an extended pool a plain one and clears it: callback and argument become NULL,
 * OS_MEMPOOL_F_EXT is taken out of mp_flags, and every block is free again as after
 * os_mempool_clear(). A put that another thread has begun may still call the callback that was set,
 * with the argument that was set.
 *
 * @return OS_OK; OS_INVALID_PARM if mpe is NULL.
 */
os_error_t os_mempool_ext_clear(struct os_mempool_ext *mpe) OSMP_LABEL(os_mempool_ext_clear);

/**
 * Checks a pool's integrity: every free block lies on a block boundary of the buffer and carries
 * its mark, the list has no cycle and is as long as the counters say. Never loops or crashes on a
 * damaged list. Walks the whole free list while other threads wait for the pool.
 *
 * @return true if sane; false if damaged, or if mp is NULL.
 */
bool os_mempool_is_sane(const struct os_mempool *mp) OSMP_LABEL(os_mempool_is_sane);

/**
 * Tells whether an address is a block of a pool, free or in use.
 *
 * @return 1 if block_addr is the start of one of mp's blocks; 0 if not, or if either is NULL.
 * Threads: any; takes no lock.
 */
int
os_memblock_from(const struct os_mempool *mp, const void *block_addr) OSMP_LABEL(os_memblock_from);

/**
 * Takes a block out of a pool.
 *
 * @param mp  The pool; NULL is allowed and yields NULL.
 * @return    A block of at least mp_block_size bytes on an OS_ALIGNMENT boundary, the caller's
 *            until os_memblock_put(); NULL if the pool is empty. Its content is undefined.
 */
OSMP_NOPLT void *os_memblock_get(struct os_mempool *mp) OSMP_LABEL(os_memblock_get);

/**
 * Puts a block back without calling the put callback. For put callbacks; elsewhere, and for plain
 * pools, it is os_memblock_put() without the callback.
 *
 * @param mp          The pool.
 * @param block_addr  The block.
 * @return OS_OK; OS_INVALID_PARM as for os_memblock_put().
 */
OSMP_NOPLT os_error_t os_memblock_put_from_cb(struct os_mempool *mp, void *block_addr)
    OSMP_LABEL(os_memblock_put_from_cb);

/**
 * Puts a block back into its pool, or calls the put callback of an extended pool that has one.
 *
 * @param mp          The pool that the block came from.
 * @param block_addr  The block; not the caller's any more, unless an error is returned.
 * @return OS_OK or what the callback returned; OS_INVALID_PARM, without calling it, if either
 *         argument is NULL, if block_addr is not the start of a block of this pool, if the block is
 *         free already, or if it is the very block whose put callback is running.
 */
OSMP_NOPLT os_error_t os_memblock_put(struct os_mempool *mp, void *block_addr)
    OSMP_LABEL(os_memblock_put);

/**
 * Walks the registered pools in order of registration.
 *
 * @param mp   The current pool, or NULL to begin. It need not be registered any more: then NULL is
 *             returned and its memory is not touched.
 * @param omi  Filled in for the pool returned; may be NULL. Unchanged if NULL is returned.
 * @return     The pool after mp, or NULL at the end.
 */
struct os_mempool *os_mempool_info_get_next(struct os_mempool *mp, struct os_mempool_info *omi)
    OSMP_LABEL(os_mempool_info_get_next);

/**
 * Finds a registered pool by name; the first 31 bytes count. Of pools with equal names the one
 * registered first.
 *
 * @param name  The name; NULL finds nothing.
 * @param info  Filled in for the pool found; may be NULL.
 * @return      The pool, or NULL.
 */
struct os_mempool *
os_mempool_get(const char *name, struct os_mempool_info *info) OSMP_LABEL(os_mempool_get);

/**
 * Empties the list of registered pools, as Mynewt's start-up code has it before it initialises them
 * again. Each pool is dropped: forgotten, without a look at its struct or buffer, which may be
 * gone. A dropped pool that is still there works on as it was, but calls that want a registered
 * pool refuse it. Not to be called in a fork handler.
 */
void os_mempool_module_init(void) OSMP_LABEL(os_mempool_module_init);

/*
 * A program that defines OSMEMPOOL_INLINE before it includes this header gets os_memblock_get() and
 * os_memblock_put() inline for pools that one thread uses at a time; everything else stays a call.
 * The price: the layout of the first 64 bytes of struct os_mempool is compiled into the program,
 * so it runs only on libraries with the same soname (osmempool(7)). Sanitizers see calls only.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OSMP_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define OSMP_SANITIZED 1
#endif
#endif
#if defined(OSMEMPOOL_INLINE) && !defined(OSMP_SANITIZED)
#include "os_mempool_inline.h"
#endif

#ifdef __cplusplus
}
#endif

#endif
