/* SPDX-License-Identifier: Apache-2.0 */
/* theirs_walk.c: a file that has the other header, makes no pool, and only looks at those there. */
#include <os/os_mempool.h>
#include <stddef.h>

#include "parts.h"

int
theirs(void)
{
    struct os_mempool_info info;

    return os_mempool_info_get_next(NULL, &info) != NULL;
}
