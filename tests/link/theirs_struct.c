/* SPDX-License-Identifier: Apache-2.0 */
/* theirs_struct.c: a file that has the other header, defines a pool, and calls nothing. */
#include <os/os_mempool.h>

#include "parts.h"

struct os_mempool defined_elsewhere;

int
theirs(void)
{
    return 0;
}
