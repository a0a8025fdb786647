/* SPDX-License-Identifier: Apache-2.0 */
/* wrap.c: what a program writes whose calls the linker wraps: --wrap takes and makes symbols. */
#include <os/os_mempool.h>
#include <stdio.h>

void *__real_osmempool_os_memblock_get(struct os_mempool *mp);
void *__wrap_osmempool_os_memblock_get(struct os_mempool *mp);

static unsigned n_gets;

void *
__wrap_osmempool_os_memblock_get(struct os_mempool *mp)
{
    n_gets++;
    return __real_osmempool_os_memblock_get(mp);
}

__attribute__((destructor)) static void
wrap_tell(void)
{
    printf("%u\n", n_gets);
}
