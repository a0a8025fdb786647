/* SPDX-License-Identifier: Apache-2.0 */
/* again.c: another file that has this library's header. C, and C++. */
#include <os/os_mempool.h>

#include "parts.h"

int
ours_ten_times(void)
{
    struct os_mempool *pool = os_mempool_get("ours", NULL);

    for (int i = 0; i < 10; i++) {
        if (os_memblock_put(pool, os_memblock_get(pool)) != OS_OK) {
            return 6;
        }
    }
    return 0;
}
