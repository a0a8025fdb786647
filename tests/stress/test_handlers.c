/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handlers.c: a program's own fork handlers use a pool. They are registered before the library
 * is loaded, as it comes with a plugin, so that in the child they run before the library's: a lock
 * of a pool may look taken there by a thread that is not there. This program is not linked to it.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "osmempool.h"

enum { WORKERS = 5, BLOCKS = 64, SIZE = 64, POOLS = 3, DEPTH = 8, ALARM_SECONDS = 60 };

static struct os_mempool pools[POOLS];
static os_membuf_t buffers[POOLS][OS_MEMPOOL_SIZE(BLOCKS, SIZE)];
static bool handlers_are_on;

static void *(*get)(struct os_mempool *mp);
static os_error_t (*put)(struct os_mempool *mp, void *block);
static os_error_t (*init)(struct os_mempool *mp, uint32_t blocks, uint32_t block_size, void *membuf,
                          const char *name);
static os_error_t (*cache_enable)(struct os_mempool *mp, uint32_t depth);
static bool (*is_sane)(const struct os_mempool *mp);
static struct os_mempool *(*get_next)(struct os_mempool *mp, struct os_mempool_info *omi);

/* What a handler finds wrong ends the process. */
static void
use_all(void)
{
    if (!handlers_are_on) {
        return;
    }
    alarm(ALARM_SECONDS);
    for (unsigned i = 0; i < POOLS; i++) {
        void *block = get(&pools[i]);

        if (block == NULL || put(&pools[i], block) != OS_OK || !is_sane(&pools[i])) {
            abort();
        }
    }
    if (get_next(NULL, NULL) != &pools[0]) {
        abort();
    }
    alarm(0);
}

static void *
find(void *library, const char *name)
{
    void *symbol = dlsym(library, name);

    assert_non_null(symbol);
    return symbol;
}

static void
load(void)
{
    void *library = dlopen(getenv("OSMEMPOOL_TEST_LIBRARY"), RTLD_NOW | RTLD_LOCAL);

    assert_non_null(library);
    *(void **)(void *)&get = find(library, OSMEMPOOL_SYMBOL(os_memblock_get));
    *(void **)(void *)&put = find(library, OSMEMPOOL_SYMBOL(os_memblock_put));
    *(void **)(void *)&init = find(library, OSMEMPOOL_SYMBOL(os_mempool_init));
    *(void **)(void *)&cache_enable = find(library, OSMEMPOOL_SYMBOL(os_mempool_cache_enable));
    *(void **)(void *)&is_sane = find(library, OSMEMPOOL_SYMBOL(os_mempool_is_sane));
    *(void **)(void *)&get_next = find(library, OSMEMPOOL_SYMBOL(os_mempool_info_get_next));
}

static void
fork_once(struct crew_worker *worker)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        _exit(0);
    }
    crew_expect(worker, child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void
live(struct crew_worker *worker)
{
    while (crew_goes_on(worker) && worker->wrong == NULL) {
        struct os_mempool *mp = &pools[worker->rounds % POOLS];
        void *block = get(mp);

        if (crew_expect(worker, block != NULL)) {
            crew_expect(worker, put(mp, block) == OS_OK);
        }
        if (worker->number == 1) {
            fork_once(worker);
        }
        worker->rounds++;
    }
}

static void
fork_handlers_that_came_first_may_use_pools(void **state)
{
    struct crew crew;

    pthread_atfork(use_all, use_all, use_all);
    load();
    for (unsigned i = 0; i < POOLS; i++) {
        assert_int_equal(init(&pools[i], BLOCKS, SIZE, buffers[i], "pool"), OS_OK);
    }
    assert_int_equal(cache_enable(&pools[1], DEPTH), OS_OK);
    handlers_are_on = true;
    crew_begin(&crew, WORKERS, live, NULL);
    crew_stop_after(&crew, crew_scale(300, 3000, 60000));
    crew_join(&crew);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fork_handlers_that_came_first_may_use_pools),
    };

    return cmocka_run_group_tests_name("handlers", tests, NULL, NULL);
}
