/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_threads.c: more threads than cores, threads that come and go by the thousand, and a library
 * that is unloaded under threads that use it.
 */
#include <dlfcn.h>
#include <sched.h>
#include <stdlib.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "os/os_mempool.h"

enum { BLOCKS = 64, BLOCK_SIZE = 64 };

struct place {
    struct os_mempool pool;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_SIZE)];
    uint64_t ops_each;
};

static struct place *
place_make(void)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    assert_int_equal(os_mempool_init(&place->pool, BLOCKS, BLOCK_SIZE, place->buffer, "place"),
                     OS_OK);
    return place;
}

static void
place_free(struct place *place)
{
    assert_int_equal(place->pool.mp_num_free, BLOCKS);
    assert_true(os_mempool_is_sane(&place->pool));
    assert_int_equal(os_mempool_unregister(&place->pool), OS_OK);
    free(place);
}

static void
get_and_put(struct crew_worker *worker)
{
    struct place *place = worker->job;

    while (crew_goes_on(worker) && worker->rounds < place->ops_each) {
        void *block = os_memblock_get(&place->pool);

        crew_expect(worker, block != NULL);
        crew_expect(worker, os_memblock_put(&place->pool, block) == OS_OK);
        worker->rounds++;
    }
}

/* The first CPU that this process may use, alone; returns what it could use before. */
static cpu_set_t
stay_on_one_cpu(void)
{
    cpu_set_t all;
    cpu_set_t one;
    int cpu = 0;

    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    while (!CPU_ISSET(cpu, &all)) {
        cpu++;
    }
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    return all;
}

/*
 * Each thread has its number of operations to do, so that it ends only if all make progress; a
 * lock that burns its holder's time takes minutes for it, and the test's timeout ends it.
 */
static void
many_threads_make_progress_on_one_cpu(void **state)
{
    struct place *place = place_make();
    cpu_set_t all = stay_on_one_cpu();
    struct crew crew;

    place->ops_each = crew_scale(100, 50000, 1000000);
    crew_begin(&crew, 8, get_and_put, place);
    crew_join(&crew);
    crew_begin(&crew, CREW_MAX, get_and_put, place);
    crew_join(&crew);
    for (unsigned i = 0; i < CREW_MAX; i++) {
        assert_int_equal(crew.workers[i].rounds, place->ops_each);
    }
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    place_free(place);
}

static void
thousands_of_threads_lose_nothing(void **state)
{
    struct place *place = place_make();
    unsigned n_threads = crew_scale(64, 10000, 100000);
    struct crew crew;

    place->ops_each = 20;
    for (unsigned i = 0; i < n_threads; i += 8) {
        crew_begin(&crew, 8, get_and_put, place);
        crew_join(&crew);
    }
    place_free(place);
}

/* The library's calls, as a plugin's host finds them. */
struct plugin {
    void *handle;
    void *(*get)(struct os_mempool *mp);
    os_error_t (*put)(struct os_mempool *mp, void *block);
    os_error_t (*init)(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
                       const char *name);
    os_error_t (*unregister)(struct os_mempool *mp);
    struct place place;
};

static void *
find(struct plugin *plugin, const char *name)
{
    void *symbol = dlsym(plugin->handle, name);

    assert_non_null(symbol);
    return symbol;
}

static void
plugin_open(struct plugin *plugin)
{
    const char *path = getenv("OSMEMPOOL_TEST_LIBRARY");

    assert_non_null(path);
    plugin->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(plugin->handle);
    plugin->get = (void *(*)(struct os_mempool *))find(plugin, OSMEMPOOL_SYMBOL(os_memblock_get));
    plugin->put =
        (os_error_t(*)(struct os_mempool *, void *))find(plugin, OSMEMPOOL_SYMBOL(os_memblock_put));
    plugin->init = (os_error_t(*)(struct os_mempool *, uint32_t, uint32_t, void *,
                                  const char *))find(plugin, OSMEMPOOL_SYMBOL(os_mempool_init));
    plugin->unregister =
        (os_error_t(*)(struct os_mempool *))find(plugin, OSMEMPOOL_SYMBOL(os_mempool_unregister));
}

/* Goes on using the library after it was closed, and ends, with what it keeps per thread. */
static void
use_a_closed_library(struct crew_worker *worker)
{
    struct plugin *plugin = worker->job;
    unsigned more = 100;

    while (worker->wrong == NULL && more > 0) {
        void *block = plugin->get(&plugin->place.pool);

        crew_expect(worker, block != NULL);
        crew_expect(worker, plugin->put(&plugin->place.pool, block) == OS_OK);
        more -= !crew_goes_on(worker);
        worker->rounds++;
    }
}

static void
open_use_and_close(void)
{
    struct plugin *plugin = calloc(1, sizeof(*plugin));
    struct crew crew;

    assert_non_null(plugin);
    plugin_open(plugin);
    assert_int_equal(
        plugin->init(&plugin->place.pool, BLOCKS, BLOCK_SIZE, plugin->place.buffer, "plugin"),
        OS_OK);
    crew_begin(&crew, 4, use_a_closed_library, plugin);
    assert_int_equal(dlclose(plugin->handle), 0);
    crew_stop_after(&crew, 0);
    crew_join(&crew);
    assert_int_equal(plugin->unregister(&plugin->place.pool), OS_OK);
    free(plugin);
}

/* This program is linked to the static library, so the shared one is opened and closed for real. */
static void
closing_the_library_harms_no_thread(void **state)
{
    unsigned n_times = crew_scale(5, 200, 2000);

    for (unsigned i = 0; i < n_times; i++) {
        open_use_and_close();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_make_progress_on_one_cpu),
        cmocka_unit_test(thousands_of_threads_lose_nothing),
        cmocka_unit_test(closing_the_library_harms_no_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
