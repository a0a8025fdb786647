/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loader.c: loads a library or plugin at run time. "loader api FILE": the library, whose functions
 * are asked for by OSMEMPOOL_SYMBOL(). "loader plugin FILE": a plugin, whose parts are run.
 */
#include <dlfcn.h>
#include <os/os_mempool.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

/* The type of the function is the header's. */
#define FIND(library, function)                                                                    \
    ((__typeof__(function) *)(uintptr_t)dlsym(library, OSMEMPOOL_SYMBOL(function)))

static os_membuf_t buffer[OS_MEMPOOL_SIZE(4, 64)];
static struct os_mempool pool;

static int
use_api(void *library)
{
    __typeof__(os_mempool_init) *init = FIND(library, os_mempool_init);
    __typeof__(os_memblock_get) *get = FIND(library, os_memblock_get);
    __typeof__(os_memblock_put) *put = FIND(library, os_memblock_put);
    void *block;

    if (init == NULL || get == NULL || put == NULL || dlsym(library, "os_mempool_init") != NULL) {
        return 1;
    }
    if (init(&pool, 4, 64, buffer, "loaded") != OS_OK || (block = get(&pool)) == NULL) {
        return 2;
    }
    return put(&pool, block) == OS_OK && put(&pool, block) == OS_INVALID_PARM ? 0 : 3;
}

static int
use_plugin(void *plugin)
{
    part_fn *run = (part_fn *)(uintptr_t)dlsym(plugin, "run_parts");

    return run != NULL ? run() : 1;
}

int
main(int argc, char **argv)
{
    void *object = argc == 3 ? dlopen(argv[2], RTLD_NOW) : NULL;

    if (object == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 9;
    }
    return strcmp(argv[1], "api") == 0 ? use_api(object) : use_plugin(object);
}
