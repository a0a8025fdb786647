/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preload.c: what a library writes that comes before this one: the header gives its functions the
 * right symbol, and dlsym() is asked by OSMEMPOOL_SYMBOL().
 */
#include <dlfcn.h>
#include <os/os_mempool.h>
#include <stdio.h>

static unsigned n_gets, n_puts;

void *
os_memblock_get(struct os_mempool *mp)
{
    void *next = dlsym(RTLD_NEXT, OSMEMPOOL_SYMBOL(os_memblock_get));

    n_gets++;
    return ((void *(*)(struct os_mempool *))(uintptr_t)next)(mp);
}

os_error_t
os_memblock_put(struct os_mempool *mp, void *block_addr)
{
    void *next = dlsym(RTLD_NEXT, OSMEMPOOL_SYMBOL(os_memblock_put));
    os_error_t error =
        ((os_error_t(*)(struct os_mempool *, void *))(uintptr_t)next)(mp, block_addr);

    n_puts += error == OS_OK;
    return error;
}

__attribute__((destructor)) static void
preload_tell(void)
{
    printf("%u %u\n", n_gets, n_puts);
}
