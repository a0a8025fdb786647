/* SPDX-License-Identifier: Apache-2.0 */
/* tree/os/os_error.h: the tree's errors, and a call of its own for them. */
#ifndef TREE_OS_ERROR_H
#define TREE_OS_ERROR_H

typedef enum os_error {
    OS_OK,
    OS_ENOMEM,
    OS_EINVAL,
    OS_INVALID_PARM,
    OS_MEM_NOT_ALIGNED,
    OS_TREE_ERROR = 99
} os_error_t;

int os_error_to_sys(os_error_t error);

#endif
