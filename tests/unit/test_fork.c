/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fork.c: pools across fork(). A child tells what it found by its exit status; a child or
 * parent that hangs is ended by an alarm.
 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fixture.h"
#include "layout/counts.h"
#include "registry/registry.h"
#include "sync/freeze.h"

enum { N_THREADS = 2, N_FORKS = 200, HANG_SECONDS = 60 };

/* Forks; the child exits with what the function returns. True if that was true. */
static bool
true_in_child(bool (*look)(struct fixture *), struct fixture *fx)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(HANG_SECONDS);
        _exit(look(fx) ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

/* Takes all that is free, and puts it back; how much it was. */
static unsigned
take_all(struct os_mempool *mp)
{
    void *blocks[FIXTURE_BLOCKS];
    unsigned n = 0;

    while (n < FIXTURE_BLOCKS && (blocks[n] = os_memblock_get(mp)) != NULL) {
        n++;
    }
    for (unsigned i = n; i > 0; i--) {
        if (os_memblock_put_from_cb(mp, blocks[i - 1]) != OS_OK) {
            return 0;
        }
    }
    return n;
}

static bool
looks_as_in_the_parent(struct fixture *fx)
{
    struct os_mempool_info info;
    struct pool_counts counts;

    counts_read(fx->pool, &counts);
    return os_mempool_info_get_next(NULL, &info) == fx->pool && registry_count() == 1 &&
           counts.num_free == FIXTURE_BLOCKS - 1 && counts.gets == 1 && counts.puts == 0 &&
           !counts.stale && os_mempool_is_sane(fx->pool) &&
           take_all(fx->pool) == FIXTURE_BLOCKS - 1;
}

static void
the_child_has_the_pools_as_they_were(void **state)
{
    struct fixture *fx = *state;
    void *block = os_memblock_get(fx->pool);

    assert_true(true_in_child(looks_as_in_the_parent, fx));
    assert_true(looks_as_in_the_parent(fx));
    assert_int_equal(os_memblock_put(fx->pool, block), OS_OK);
}

static bool
changes_the_registry(struct fixture *fx)
{
    struct os_mempool pool;

    return os_mempool_init(&pool, 0, 8, NULL, "child") == OS_OK && registry_count() == 2 &&
           os_mempool_unregister(&pool) == OS_OK && os_mempool_unregister(fx->pool) == OS_OK &&
           registry_count() == 0;
}

static void
the_child_may_register_and_unregister(void **state)
{
    assert_true(true_in_child(changes_the_registry, *state));
    assert_int_equal(registry_count(), 1);
}

static bool
forks_again(struct fixture *fx)
{
    return take_all(fx->pool) == FIXTURE_BLOCKS && true_in_child(changes_the_registry, fx);
}

static void
a_child_may_have_children(void **state)
{
    assert_true(true_in_child(forks_again, *state));
}

/* Threads that are in pools and in the registry all the time. */
struct busy {
    struct fixture *fx;
    unsigned errors;
    bool stop;
};

static void *
be_busy(void *arg)
{
    struct busy *busy = arg;
    struct os_mempool pool;

    while (!__atomic_load_n(&busy->stop, __ATOMIC_RELAXED)) {
        void *block = os_memblock_get(busy->fx->pool);

        busy->errors += os_mempool_init(&pool, 0, 8, NULL, "busy") != OS_OK;
        busy->errors += block != NULL && os_memblock_put(busy->fx->pool, block) != OS_OK;
        busy->errors += os_mempool_unregister(&pool) != OS_OK;
    }
    return NULL;
}

/* The blocks that the other threads had at the fork stay out in the child. */
static bool
is_usable(struct fixture *fx)
{
    unsigned n = take_all(fx->pool);

    return os_mempool_is_sane(fx->pool) && n >= FIXTURE_BLOCKS - N_THREADS &&
           n == fx->pool->mp_num_free && os_mempool_get("fixture", NULL) == fx->pool &&
           os_mempool_clear(fx->pool) == OS_OK && take_all(fx->pool) == FIXTURE_BLOCKS;
}

static void
forks_while_threads_are_busy_leave_both_sides_usable(void **state)
{
    struct busy busy[N_THREADS] = {{.fx = *state}, {.fx = *state}};
    pthread_t threads[N_THREADS];
    unsigned failures = 0;

    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, be_busy, &busy[i]), 0);
    }
    for (int i = 0; i < N_FORKS; i++) {
        failures += !true_in_child(is_usable, *state);
    }
    for (int i = 0; i < N_THREADS; i++) {
        __atomic_store_n(&busy[i].stop, true, __ATOMIC_RELAXED);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(busy[i].errors, 0);
    }
    assert_int_equal(failures, 0);
    assert_int_equal(registry_count(), 1);
}

/* Fork handlers of another library that uses pools; they run while all pools are frozen. */
static struct fixture *handlers_pool;
static unsigned handlers_ran;

static void
use_pools(void)
{
    if (handlers_pool == NULL) {
        return;
    }
    handlers_ran += take_all(handlers_pool->pool) == FIXTURE_BLOCKS &&
                    os_mempool_info_get_next(NULL, NULL) == handlers_pool->pool;
}

/* Registered before the library's own, so that prepare runs after it and the others before it. */
__attribute__((constructor(101))) static void
register_handlers(void)
{
    pthread_atfork(use_pools, use_pools, use_pools);
}

static bool
handlers_ran_twice(struct fixture *fx)
{
    return handlers_ran == 2 && take_all(fx->pool) == FIXTURE_BLOCKS;
}

static void
other_fork_handlers_may_use_pools(void **state)
{
    bool in_child;

    handlers_pool = *state;
    handlers_ran = 0;
    in_child = true_in_child(handlers_ran_twice, *state);
    handlers_pool = NULL;
    assert_true(in_child);
    assert_int_equal(handlers_ran, 2);
}

static unsigned n_restarts;

static void
count_restart(void)
{
    n_restarts++;
}

static bool
restarts_at_its_first_get(struct fixture *fx)
{
    return n_restarts == 0 && take_all(fx->pool) == FIXTURE_BLOCKS && n_restarts == 1 &&
           registry_count() == 1 && n_restarts == 1;
}

static bool
restarts_at_its_first_walk(struct fixture *fx)
{
    return n_restarts == 0 && registry_count() == 1 && n_restarts == 1 &&
           take_all(fx->pool) == FIXTURE_BLOCKS && n_restarts == 1;
}

static bool
restarts_not(struct fixture *fx)
{
    return take_all(fx->pool) == FIXTURE_BLOCKS && registry_count() == 1 && n_restarts == 0;
}

static void
what_is_armed_runs_once_at_the_childs_first_call(void **state)
{
    freeze_arm_first_call(count_restart);
    assert_true(true_in_child(restarts_at_its_first_get, *state));
    assert_true(true_in_child(restarts_at_its_first_walk, *state));
    freeze_arm_first_call(NULL);
    assert_true(true_in_child(restarts_not, *state));
    assert_int_equal(n_restarts, 0);
}

static int
setup(void **state)
{
    alarm(4 * HANG_SECONDS);
    return fixture_plain(state);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, setup, fixture_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(the_child_has_the_pools_as_they_were),
        PLAIN(the_child_may_register_and_unregister),
        PLAIN(a_child_may_have_children),
        PLAIN(forks_while_threads_are_busy_leave_both_sides_usable),
        PLAIN(other_fork_handlers_may_use_pools),
        PLAIN(what_is_armed_runs_once_at_the_childs_first_call),
    };

    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
