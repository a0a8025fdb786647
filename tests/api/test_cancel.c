/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cancel.c: a thread that was cancelled ends after a call of the library, never inside one,
 * where it would keep what others need. What hangs is ended by an alarm.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "osmempool.h"

enum { HANG_SECONDS = 250, BLOCKS = 4, SIZE = 64, FINE = 7 };

static struct os_mempool pools[3];
static os_membuf_t buffers[3][OS_MEMPOOL_SIZE(BLOCKS, SIZE)];

static char directory[] = "/tmp/osmempool-test-XXXXXX";

static int
init(int i, const char *name)
{
    return (int)os_mempool_init(&pools[i], BLOCKS, SIZE, buffers[i], name);
}

/* A function called by a thread that is cancelled already, and whether it has returned. */
struct call {
    void (*function)(void);
    bool returned;
};

static void *
call_cancelled(void *arg)
{
    struct call *call = arg;

    pthread_cancel(pthread_self());
    call->function();
    call->returned = true;
    pthread_testcancel();
    return NULL;
}

/* The call returned, and the thread could be cancelled afterwards as before. */
static bool
returns_in_a_cancelled_thread(void (*function)(void))
{
    struct call call = {function, false};
    pthread_t thread;
    void *result = NULL;

    pthread_create(&thread, NULL, call_cancelled, &call);
    pthread_join(thread, &result);
    return call.returned && result == PTHREAD_CANCELED;
}

static void
make_first_pool(void)
{
    init(0, "first");
}

/* The first init of a process also makes the secret of its keys and reads the variables. */
static void
a_thread_cancelled_in_the_first_init_leaves_the_registry_free(void **state)
{
    (void)state;
    assert_true(returns_in_a_cancelled_thread(make_first_pool));
    assert_int_equal(init(1, "second"), OS_OK);
    assert_int_equal(os_mempool_unregister(&pools[1]), OS_OK);
}

static void
make_fenced_pool(void)
{
    init(1, "fenced");
}

static void
a_thread_cancelled_while_a_fence_is_made_leaves_the_registry_free(void **state)
{
    (void)state;
    assert_true(returns_in_a_cancelled_thread(make_fenced_pool));
    assert_int_equal(init(2, "third"), OS_OK);
    assert_int_equal(os_mempool_unregister(&pools[2]), OS_OK);
    assert_int_equal(os_mempool_unregister(&pools[1]), OS_OK);
}

static void
start(void)
{
    osmempool_export_start(NULL);
}

static void
stop(void)
{
    osmempool_export_stop();
}

static void
a_thread_cancelled_in_start_or_stop_has_done_it(void **state)
{
    (void)state;
    assert_true(returns_in_a_cancelled_thread(start));
    assert_int_equal(osmempool_export_start(NULL), OS_EBUSY);
    assert_true(returns_in_a_cancelled_thread(stop));
    assert_int_equal(osmempool_export_start(NULL), OS_OK);
    assert_int_equal(osmempool_export_stop(), OS_OK);
}

/* In the child: its first get starts its exporter. */
static void
get_cancelled(void)
{
    int before;

    alarm(HANG_SECONDS);
    pthread_cancel(pthread_self());
    os_memblock_get(&pools[0]);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    osmempool_export_stop();
    _exit(before == PTHREAD_CANCEL_ENABLE ? FINE : 1);
}

static void
a_thread_cancelled_in_a_childs_first_get_leaves_the_exporter_free(void **state)
{
    int status = 0;
    pid_t child;

    (void)state;
    assert_int_equal(osmempool_export_start(NULL), OS_OK);
    child = fork();
    if (child == 0) {
        get_cancelled();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), FINE);
    assert_int_equal(osmempool_export_stop(), OS_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_cancelled_in_the_first_init_leaves_the_registry_free),
        cmocka_unit_test(a_thread_cancelled_while_a_fence_is_made_leaves_the_registry_free),
        cmocka_unit_test(a_thread_cancelled_in_start_or_stop_has_done_it),
        cmocka_unit_test(a_thread_cancelled_in_a_childs_first_get_leaves_the_exporter_free),
    };
    int failed;

    alarm(HANG_SECONDS);
    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    setenv("OSMEMPOOL_DIR", directory, 1);
    setenv("OSMEMPOOL_DEBUG", "fence:fenced", 1);
    failed = check_run("cancel", tests, 3, !is_emulated());
    rmdir(directory);
    return failed;
}
