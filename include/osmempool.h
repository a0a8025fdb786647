/* SPDX-License-Identifier: Apache-2.0 */
/*
 * osmempool.h: what this library adds to the API of Mynewt (os/os_mempool.h): bulk calls, thread
 * caches, statistics, its version, error texts, and the export of the registry to other processes.
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
const char *os_error_str(os_error_t error);

/**
 * Takes n blocks, all or none.
 *
 * @param mp      The pool.
 * @param blocks  Filled with n blocks; on error its content is undefined and owns nothing.
 * @param n       Number of blocks; 0 is OS_OK.
 * @return  OS_OK; OS_ENOMEM if fewer than n blocks are free; OS_INVALID_PARM for a NULL pool or
 *          array.
 */
os_error_t os_memblock_get_bulk(struct os_mempool *mp, void **blocks, uint32_t n);

/**
 * Puts n blocks back. All are checked first: if one of them is not a block of the pool, is free
 * already or stands twice in the array, none is put and every block stays with the caller (its
 * first two words, or those on one cache line of it, may have been overwritten). On a pool of
 * one-word blocks or an extended pool a block that stands twice is not found beforehand; on an
 * extended pool each block goes through the put callback.
 *
 * @param mp      The pool.
 * @param blocks  The blocks; the array is not changed.
 * @param n       Number of blocks; 0 is OS_OK.
 * @return  OS_OK; OS_INVALID_PARM as above, and for a NULL pool or array; for an extended pool the
 *          first value that is not OS_OK, the others having been put all the same.
 */
os_error_t os_memblock_put_bulk(struct os_mempool *mp, void *const *blocks, uint32_t n);

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
os_error_t os_mempool_cache_enable(struct os_mempool *mp, uint32_t depth);

/**
 * Takes the caches away again; their blocks go back to the pool.
 *
 * @param mp  A registered pool.
 * @return  OS_OK, also if there were none; OS_INVALID_PARM for a pool that is not registered.
 */
os_error_t os_mempool_cache_disable(struct os_mempool *mp);

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
};

/**
 * Copies a pool's statistics without taking its lock.
 *
 * @param mp       A registered pool.
 * @param st       Filled with min(st_size, size of the structure in the library) bytes.
 * @param st_size  sizeof(*st), at least 4.
 * @return  OS_OK; OS_INVALID_PARM for a pool that is not registered, a NULL st, a size under 4.
 */
os_error_t
os_mempool_stats_get(const struct os_mempool *mp, struct os_mempool_stats *st, size_t st_size);

/**
 * Starts the low-water mark again from now: min_free becomes the number of blocks that are free
 * outside caches.
 *
 * @param mp  A registered pool.
 * @return  OS_OK; OS_INVALID_PARM for a pool that is not registered.
 */
os_error_t os_mempool_min_reset(struct os_mempool *mp);

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
