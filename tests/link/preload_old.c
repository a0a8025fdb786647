/* SPDX-License-Identifier: Apache-2.0 */
/* preload_old.c: a library that comes before this one by names without their symbols: nobody calls
 * it. */
#include <stdio.h>
#include <stdlib.h>

void *os_memblock_get(void *mp);

void *
os_memblock_get(void *mp)
{
    abort();
}
