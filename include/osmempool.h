/* SPDX-License-Identifier: Apache-2.0 */
/*
 * osmempool.h: what this library adds to the API of Mynewt (os/os_mempool.h): bulk calls, thread
 * caches, statistics, blocks by number, reports of faults, its version, error texts, and the export
 * of the registry to other processes.
 *
 * Threads: every call may be made from any thread. None is async-signal-safe.
 */
#ifndef OSMEMPOOL_H
#define OSMEMPOOL_H

#include "os/os_mempool.h"

/** Version of these headers; osmempool_version() tells that of the library in use. */
#define OSMEMPOOL_VERSION_MAJOR  0
#define OSMEMPOOL_VERSION_MINOR  1
#define OSMEMPOOL_VERSION_PATCH  0
#define OSMEMPOOL_VERSION_STRING "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Version of the library that the program runs with.
 *
 * @return  A static string of the form "1.2.3".
 */
const char *osmempool_version(void);

/**
 * Text for an error.
 *
 * @return  A static string that names and explains the error, as "OS_ENOMEM: no memory left";
 *          "unknown error" for a value that is none. Never NULL.
 */
const char *os_error_str(os_error_t error) OSMP_LABEL(os_error_str);

/**
 * Takes n blocks, all or none.
 *
 * @param mp      The pool.
 * @param blocks  Filled with n blocks; on error its content is undefined and owns nothing. It may
 *                lie in a block of the pool that is out.
 * @param n       Number of blocks; 0 is OS_OK.
 * @return  OS_OK; OS_ENOMEM if fewer than n blocks are free, or if the array lies in one of the
 *          pool's and there is no memory for a copy; OS_INVALID_PARM for a NULL pool or array.
 */
OSMP_NOPLT os_error_t os_memblock_get_bulk(struct os_mempool *mp, void **blocks, uint32_t n)
    OSMP_LABEL(os_memblock_get_bulk);

/**
 * Puts n blocks back. All are checked first: if one of them is not a block of the pool, is free
 * already or stands twice in the array, none is put and every block stays with the caller (its
 * first two words, or those on one cache line of it, may have been overwritten). On a pool of
 * one-word blocks or an extended pool a block that stands twice is not found beforehand; on an
 * extended pool each block goes through the put callback. A callback that unregisters the pool ends
 * the call, as the pool's memory may be gone: the blocks behind its own stay with the caller.
 *
 * @param mp      The pool.
 * @param blocks  The blocks; the array is not changed. It may lie in one of them: it is copied
 *                before any block is put, above 128 blocks to memory that is mapped for the call.
 * @param n       Number of blocks; 0 is OS_OK. More than the pool has are refused without a look at
 *                the array.
 * @return  OS_OK; OS_INVALID_PARM as above, and for a NULL pool or array; OS_ENOMEM if there is no
 *          memory for a copy of the array, and nothing was done; for an extended pool the first
 *          value that is not OS_OK, the others having been put all the same; OS_ENOENT if all were
 *          OS_OK until a callback unregistered the pool, and blocks are left.
 */
OSMP_NOPLT os_error_t os_memblock_put_bulk(struct os_mempool *mp, void *const *blocks, uint32_t n)
    OSMP_LABEL(os_memblock_put_bulk);

/**
 * Gives each thread a cache of up to depth blocks of this pool, so that threads that share it need
 * not wait for each other. No block is stranded in a cache: a get that finds the pool empty takes
 * the caches' blocks. On a cached pool mp_num_free counts the pool's own list; infos, statistics
 * and snapshots count cached blocks as free.
 *
 * On a pool that is cached already it changes the depth. It does nothing for pools of one-word
 * blocks or none, and where caches are not to be had (osmempool(7)).
 *
 * @param mp     A registered pool.
 * @param depth  Blocks per thread, 1 to 65,536; more than the pool has counts as all it has.
 * @return  OS_OK; OS_INVALID_PARM for a depth out of range and a pool that is not registered.
 */
os_error_t
os_mempool_cache_enable(struct os_mempool *mp, uint32_t depth) OSMP_LABEL(os_mempool_cache_enable);

/**
 * Takes the caches away again; their blocks go back to the pool.
 *
 * @param mp  A registered pool.
 * @return  OS_OK, also if there were none; OS_INVALID_PARM for a pool that is not registered.
 */
os_error_t os_mempool_cache_disable(struct os_mempool *mp) OSMP_LABEL(os_mempool_cache_disable);

OSMP_LAYOUT_BEGIN

/** What os_mempool_stats_get() tells. Later versions may add members at the end. */
struct os_mempool_stats {
    uint32_t size;        /**< number of bytes that were filled in */
    uint32_t num_blocks;  /**< number of blocks */
    uint32_t num_free;    /**< free blocks, those in caches included */
    uint32_t min_free;    /**< low-water mark; with caches a lower bound of it */
    uint32_t num_cached;  /**< free blocks in threads' caches */
    uint32_t reserved;    /**< 0 */
    uint64_t gets;        /**< gets that returned a block */
    uint64_t puts;        /**< puts that succeeded */
    int64_t adjust;       /**< gets - puts + adjust is the number of blocks out */
    uint64_t failed;      /**< gets that returned NULL */
    uint64_t refused;     /**< puts that were turned away */
    uint64_t failed_time; /**< last failed get, microseconds since 1970; 0 never */
    uint64_t min_time;    /**< when the low-water mark was reached, likewise */
    uint64_t faults;      /**< misuse and damage found; each refused put is one */
    uint32_t stale;       /**< 1 if no consistent copy could be made: members may disagree */
    uint32_t reserved_2;  /**< 0 */
    uint64_t id;          /**< number of this registration: from 1, never twice in a process; a
                               forked child goes on with its parent's */
};

/**
 * Copies a pool's statistics without taking its lock.
 *
 * @param mp       A registered pool.
 * @param st       Filled with min(st_size, size of the structure in the library) bytes.
 * @param st_size  sizeof(*st), at least 4.
 * @return  OS_OK; OS_INVALID_PARM for a pool that is not registered, a NULL st, a size under 4.
 */
os_error_t os_mempool_stats_get(const struct os_mempool *mp, struct os_mempool_stats *st,
                                size_t st_size) OSMP_LABEL(os_mempool_stats_get);

/**
 * Starts the low-water mark again from now: min_free becomes the number of blocks that are free
 * outside caches.
 *
 * @param mp  A registered pool.
 * @return  OS_OK; OS_INVALID_PARM for a pool that is not registered.
 */
os_error_t os_mempool_min_reset(struct os_mempool *mp) OSMP_LABEL(os_mempool_min_reset);

/**
 * Distance from each block of a pool to the next, in bytes: the block size rounded up to
 * OS_ALIGNMENT, and more where the debug word fence sets the blocks apart. os_memblock_index()
 * makes a number of a block's address.
 *
 * @param mp  The pool.
 * @return  The distance; 0 if mp is NULL, or was never initialised and all its bytes are 0.
 */
size_t os_mempool_stride(const struct os_mempool *mp) OSMP_LABEL(os_mempool_stride);

/**
 * Number of the block that holds an address, whether the block is free or in use: 0 for the first
 * of the buffer, and one more for each that follows. The bytes that a block's size is rounded up by
 * are the block's.
 *
 * @param mp       The pool.
 * @param address  The start of a block, or any byte of it.
 * @return  The number, below mp_num_blocks; UINT32_MAX if no block of the pool holds the address,
 *          if mp is NULL, or was never initialised and all its bytes are 0.
 * Threads: any; takes no lock.
 */
uint32_t
os_memblock_index(const struct os_mempool *mp, const void *address) OSMP_LABEL(os_memblock_index);

/**
 * The block of a number, whether it is free or in use.
 *
 * @param mp     The pool.
 * @param index  As os_memblock_index() returns it.
 * @return  The start of the block; NULL if index is not below mp_num_blocks or mp is NULL.
 * Threads: any; takes no lock.
 */
void *os_memblock_at(const struct os_mempool *mp, uint32_t index) OSMP_LABEL(os_memblock_at);

/** What a fault is. Later versions may add kinds. */
enum __attribute__((__mode__(__SI__))) osmempool_fault_kind {
    OSMEMPOOL_FAULT_NULL = 1,         /**< a put of NULL, or to NULL: then pool is NULL, too */
    OSMEMPOOL_FAULT_FOREIGN,          /**< a put of an address outside the pool */
    OSMEMPOOL_FAULT_MISALIGNED,       /**< a put of an address inside a block, not its start */
    OSMEMPOOL_FAULT_DOUBLE_PUT,       /**< a put of a block that is free already */
    OSMEMPOOL_FAULT_TOO_MANY,         /**< more puts than blocks are out */
    OSMEMPOOL_FAULT_TWICE,            /**< a block that stands twice in the array of a bulk put */
    OSMEMPOOL_FAULT_IN_CALLBACK,      /**< a put of the very block whose put callback is running */
    OSMEMPOOL_FAULT_DAMAGED_LIST,     /**< the list of free blocks does not lead to a block */
    OSMEMPOOL_FAULT_WRITE_AFTER_PUT,  /**< a block was changed while it was free */
    OSMEMPOOL_FAULT_DAMAGED_COUNTERS, /**< free blocks and the pool's members disagree */
    OSMEMPOOL_FAULT_BLOCKS_OUT,       /**< the pool is unregistered, or the program ends, and blocks
                                           are in use */
    OSMEMPOOL_FAULT_OVERRUN,          /**< a block was written beyond its end while it was out */
    OSMEMPOOL_FAULT_UNDERRUN,         /**< a block was written before its beginning, likewise */
    OSMEMPOOL_FAULT_SHARED_BUFFER,    /**< a new pool's buffer is another registered pool's, too */
    OSMEMPOOL_FAULT_OVERWRITTEN,      /**< a registered pool's structure is none any more; these
                                           faults are not counted */
    OSMEMPOOL_FAULT_REINIT,           /**< a registered pool is initialised again with blocks in
                                           use; legal, told under the word check, not counted */
};

/** Where a block went: one end of its life outside the pool, as the debug word track knows it. */
struct osmempool_trace {
    void *caller;    /**< return address of the call; NULL if nothing is known */
    uint64_t age_us; /**< how long ago, microseconds */
    uint32_t thread; /**< the thread's number, as gettid(2) has it */
    uint32_t reserved;
};

/** A fault. Later versions may add members at the end. */
struct osmempool_fault {
    uint32_t size;                            /**< number of bytes that are filled in */
    enum osmempool_fault_kind kind;           /**< what is wrong */
    char pool_name[OS_MEMPOOL_INFO_NAME_LEN]; /**< name of the pool */
    struct os_mempool *pool;                  /**< the pool that was called */
    void *block;                              /**< the address that was put, or the block found */
    uint32_t index;                           /**< number of the block; UINT32_MAX if in none */
    uint32_t n_blocks;       /**< blocks that are lost or out; TOO_MANY without a block: those of a
                                  bulk put, refused for their number */
    size_t offset;           /**< MISALIGNED, WRITE_AFTER_PUT, OVERRUN: the first wrong byte of the
                                  block; UNDERRUN: how many bytes before the block that is */
    void *caller;            /**< return address of the call that found it; NULL at exit */
    uint32_t thread;         /**< number of the calling thread */
    uint32_t n_bytes;        /**< number of bytes in the next two */
    unsigned char found[16]; /**< where data changed, and DAMAGED_LIST: what is there */
    unsigned char expected[16];      /**< where data changed: what should be there */
    struct osmempool_trace last_get; /**< who got the block last, under the debug word track */
    struct osmempool_trace last_put; /**< who put it last */
    struct os_mempool *true_pool;    /**< FOREIGN, SHARED_BUFFER: whose the address is, or NULL */
    char true_pool_name[OS_MEMPOOL_INFO_NAME_LEN]; /**< name of that pool */
    uint32_t true_index; /**< number of its block that holds the address */
    uint32_t tracked;    /**< 1 if the pool is under track, else 0 */
    size_t true_offset;  /**< offset of the address in that block */
};

OSMP_LAYOUT_END

/**
 * A fault handler. It runs in the thread whose call found the fault, before that call returns, with
 * no lock held: it may call anything here. A fault that it makes itself is counted, but not handed
 * to it. It must return, or end the process. The fault is valid until then; its pool may be gone
 * already if another thread ended it. For what is found when the program ends (caller is NULL) it
 * runs after the program's exit handlers and destructors, and the pool's memory may be gone.
 *
 * @param fault  What was found.
 * @param arg    As given to osmempool_set_fault_handler().
 */
typedef void osmempool_fault_fn(const struct osmempool_fault *fault, void *arg);

/**
 * Has a function called for each fault: each put that is refused, damage that a get finds, and what
 * the debug words find. Faults are counted in any case, and logged if the environment variable
 * OSMEMPOOL_FAULT says so; osmempool(7) tells of both.
 *
 * @param fn   The handler; it takes the place of the one before. NULL for none.
 * @param arg  Passed to it.
 */
void osmempool_set_fault_handler(osmempool_fault_fn *fn, void *arg);

/**
 * Begins to export the registry over a Unix socket, for mempoolstat(1) and others. A thread that
 * blocks all signals answers; it takes no lock of a pool for a snapshot. The environment variable
 * OSMEMPOOL_EXPORT does the same for an unchanged program; osmempool(7) has the rules for paths,
 * permissions and fork.
 *
 * @param path  Absolute path of the socket, copied; NULL for the default path. A socket whose owner
 *              has gone is replaced, any other file is left alone.
 * @return  OS_OK; OS_EBUSY if this process exports already; OS_INVALID_PARM for a path that is not
 *          absolute; OS_ERROR with errno set if no socket or thread is to be had.
 */
os_error_t osmempool_export_start(const char *path);

/**
 * Ends the export: closes all connections and removes the socket. A normal exit does this too.
 *
 * @return  OS_OK, also if nothing was exported.
 */
os_error_t osmempool_export_stop(void);

#ifdef __cplusplus
}
#endif

#endif
