/* SPDX-License-Identifier: Apache-2.0 */
/*
 * osmempool.h: what this library adds to the API of Mynewt (os/os_mempool.h): its version, error
 * texts, and the export of the registry to other processes.
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
