/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os_error.h: what calls return.
 *
 * Names and values are Mynewt's, all of them, so that ported code that compares with any of them
 * compiles. This library itself returns OS_OK, OS_ENOMEM, OS_INVALID_PARM, OS_MEM_NOT_ALIGNED,
 * OS_EBUSY and OS_ERROR; each function says which.
 */
#ifndef OSMEMPOOL_OS_ERROR_H
#define OSMEMPOOL_OS_ERROR_H

/* Of an int's size in a program with -fshort-enums, too. */
enum __attribute__((__mode__(__SI__))) os_error {
    OS_OK = 0,              /**< success */
    OS_ENOMEM = 1,          /**< no memory, or not enough blocks */
    OS_EINVAL = 2,          /**< invalid (kept for ported code) */
    OS_INVALID_PARM = 3,    /**< an argument is wrong; nothing was changed */
    OS_MEM_NOT_ALIGNED = 4, /**< the buffer is not on an OS_ALIGNMENT boundary */
    OS_BAD_MUTEX = 5,       /**< kept for ported code */
    OS_TIMEOUT = 6,         /**< kept for ported code */
    OS_ERR_IN_ISR = 7,      /**< kept for ported code */
    OS_ERR_PRIV = 8,        /**< kept for ported code */
    OS_NOT_STARTED = 9,     /**< kept for ported code */
    OS_ENOENT = 10,         /**< kept for ported code */
    OS_EBUSY = 11,          /**< already running */
    OS_ERROR = 12           /**< a system call failed; errno says why */
};

typedef enum os_error os_error_t;

#endif
