/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_unload.c: the library is opened and closed in a loop, as a plugin's host does it, while
 * threads own pools and have caches, and end after it was closed. This program is not linked to it.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "osmempool.h"

enum { THREADS = 3, BLOCKS = 32, SIZE = 64, WARM = 5000 };

struct plugin {
    void *handle;
    void *(*get)(struct os_mempool *mp);
    os_error_t (*put)(struct os_mempool *mp, void *block);
    os_error_t (*init)(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
                       const char *name);
    os_error_t (*unregister)(struct os_mempool *mp);
    os_error_t (*cache_enable)(struct os_mempool *mp, uint32_t depth);
    bool (*is_sane)(const struct os_mempool *mp);
    struct os_mempool shared; /* cached */
    struct os_mempool own[THREADS];
    os_membuf_t buffers[THREADS + 1][OS_MEMPOOL_SIZE(BLOCKS, SIZE)];
};

/* Stores the address of a function of the library where a pointer to one is. */
static void
find(struct plugin *plugin, const char *name, void *function)
{
    void *symbol = dlsym(plugin->handle, name);

    assert_non_null(symbol);
    *(void **)function = symbol;
}

static void
plugin_open(struct plugin *plugin)
{
    const char *path = getenv("OSMEMPOOL_TEST_LIBRARY");

    assert_non_null(path);
    plugin->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(plugin->handle);
    find(plugin, OSMEMPOOL_SYMBOL(os_memblock_get), &plugin->get);
    find(plugin, OSMEMPOOL_SYMBOL(os_memblock_put), &plugin->put);
    find(plugin, OSMEMPOOL_SYMBOL(os_mempool_init), &plugin->init);
    find(plugin, OSMEMPOOL_SYMBOL(os_mempool_unregister), &plugin->unregister);
    find(plugin, OSMEMPOOL_SYMBOL(os_mempool_cache_enable), &plugin->cache_enable);
    find(plugin, OSMEMPOOL_SYMBOL(os_mempool_is_sane), &plugin->is_sane);
}

static bool
use(struct plugin *plugin, struct os_mempool *mp)
{
    void *block = plugin->get(mp);

    return block != NULL && plugin->put(mp, block) == OS_OK;
}

/* Owns its own pool, and has a cache of the shared one, before the library is closed and after. */
static void
use_and_end_late(struct crew_worker *worker)
{
    struct plugin *plugin = worker->job;
    unsigned more = WARM;

    while (worker->wrong == NULL && more > 0) {
        crew_expect(worker, use(plugin, &plugin->own[worker->number - 1]));
        crew_expect(worker, use(plugin, &plugin->shared));
        more -= worker->rounds < WARM || crew_goes_on(worker) ? 0 : 1;
        worker->rounds++;
    }
}

static void
plugin_make_pools(struct plugin *plugin)
{
    assert_int_equal(plugin->init(&plugin->shared, BLOCKS, SIZE, plugin->buffers[THREADS], "all"),
                     OS_OK);
    assert_int_equal(plugin->cache_enable(&plugin->shared, 4), OS_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(plugin->init(&plugin->own[i], BLOCKS, SIZE, plugin->buffers[i], "own"),
                         OS_OK);
    }
}

static void
plugin_end_pool(struct plugin *plugin, struct os_mempool *mp)
{
    assert_true(plugin->is_sane(mp));
    assert_int_equal(mp->mp_num_free, BLOCKS);
    assert_int_equal(plugin->unregister(mp), OS_OK);
}

static void
closing_the_library_harms_no_owner_and_no_cache(void **state)
{
    unsigned n_times = crew_scale(3, 100, 2000);

    for (unsigned i = 0; i < n_times; i++) {
        struct plugin *plugin = calloc(1, sizeof(*plugin));
        struct crew crew;

        assert_non_null(plugin);
        plugin_open(plugin);
        plugin_make_pools(plugin);
        crew_begin(&crew, THREADS, use_and_end_late, plugin);
        assert_int_equal(dlclose(plugin->handle), 0);
        crew_stop_after(&crew, 1);
        crew_join(&crew);
        plugin_end_pool(plugin, &plugin->shared);
        for (unsigned j = 0; j < THREADS; j++) {
            plugin_end_pool(plugin, &plugin->own[j]);
        }
        free(plugin);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_the_library_harms_no_owner_and_no_cache),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
