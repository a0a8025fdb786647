/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/build.h"
#include "common/box.h"
#include "common/outside.h"
#include "layout/cache.h"
#include "osmempool.h"
#include "registry/registry.h"
#include "sync/mutex.h"

/* A spinlock tells who has it where a thread's pointer can be read, a mutex where it is glibc's. */
#ifdef __GLIBC__
static const bool mutexes_tell = true;
#else
static const bool mutexes_tell = false;
#endif
#if defined(__GLIBC__) && __has_include(<sys/single_threaded.h>)
static const bool threads_are_counted = true;
#else
static const bool threads_are_counted = false;
#endif
#ifdef OSMP_HAVE_THREAD_POINTER
static const bool spinlocks_tell = true;
#else
static const bool spinlocks_tell = false;
#endif

static bool
locks_tell(void)
{
    return strcmp(build_locking, "mutex") == 0 ? mutexes_tell : spinlocks_tell;
}

enum { ALARM_SECONDS = 60 };

/* What a process says that does a thing, which must end it by abort(). Hangs must not last. */
static const char *
last_words(void (*act)(struct os_mempool *), struct os_mempool *mp)
{
    static struct said said;
    const struct rlimit no_core = {0, 0};
    const char *text;
    int status = 0;
    pid_t child;

    said_begin(&said);
    child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        alarm(ALARM_SECONDS);
        act(mp);
        _exit(0);
    }
    waitpid(child, &status, 0);
    text = said_end(&said);
    assert_true(child > 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) {
        fail_msg("status %#x, and said: %s", (unsigned)status, text);
    }
    return text;
}

/* Interrupted in a pool's critical section, as a signal handler finds it. */
static void
get_inside(struct os_mempool *mp)
{
    lock_take(&pool_tail(mp)->lock);
    os_memblock_get(mp);
}

/*
 * A mutex as it is between the two instructions by which it is taken and its holder's number
 * written, or erased and it is given: there a simulator's tick finds it more often than not.
 */
#ifdef __GLIBC__
static void
forget_holder(void *mutex)
{
    ((pthread_mutex_t *)mutex)->__data.__owner = 0;
}
#else
static void
forget_holder(void *mutex)
{
}
#endif

static void
get_inside_without_a_number(struct os_mempool *mp)
{
    lock_take(&pool_tail(mp)->lock);
    forget_holder(&pool_tail(mp)->lock);
    os_memblock_get(mp);
}

static void
unregister_inside_without_a_number(struct os_mempool *mp)
{
    lock_take(&pool_tail(mp)->lock);
    forget_holder(&pool_tail(mp)->lock);
    os_mempool_unregister(mp);
}

static void
take_twice_without_a_number(struct os_mempool *mp)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    mutex_take(&mutex);
    forget_holder(&mutex);
    mutex_take(&mutex);
}

static void
unregister_inside(struct os_mempool *mp)
{
    lock_take(&pool_tail(mp)->lock);
    os_mempool_unregister(mp);
}

static void
clear_inside_a_cache(struct os_mempool *mp)
{
    struct cache *cache;

    use_alone(mp, BOX_WARM);
    cache = pool_tail(mp)->caches->all;
    cache->busy = mp;
    os_mempool_clear(mp);
}

static void
walk_inside_the_registry(struct os_mempool *mp)
{
    registry_enter();
    os_mempool_info_get_next(mp, NULL);
}

static void
expect_last_words(void (*act)(struct os_mempool *), enum box_kind kind)
{
    struct box *box = box_make(kind);
    const char *text = last_words(act, box->pool);

    assert_non_null(strstr(text, "osmempool: deadlock: a thread called the library while it was "
                                 "inside another call"));
    assert_non_null(strstr(text, "CAVEATS in os_mempool(3)"));
    box_end(box);
}

static void
a_call_inside_a_call_for_the_pool_ends_the_program(void **state)
{
    if (locks_tell()) {
        expect_last_words(get_inside, BOX_PLAIN);
        expect_last_words(get_inside, BOX_EXTENDED);
        expect_last_words(unregister_inside, BOX_PLAIN);
    }
}

/* No other thread is there that could be it. Under ThreadSanitizer one of its own is. */
static void
a_lock_that_has_no_holder_yet_is_the_callers_own(void **state)
{
    if (!threads_are_counted || is_under_tsan()) {
        return;
    }
    expect_last_words(take_twice_without_a_number, BOX_PLAIN);
    if (strcmp(build_locking, "mutex") == 0) {
        expect_last_words(get_inside_without_a_number, BOX_PLAIN);
        expect_last_words(get_inside_without_a_number, BOX_EXTENDED);
        expect_last_words(unregister_inside_without_a_number, BOX_PLAIN);
    }
}

static void
a_call_inside_a_call_for_the_registry_ends_the_program(void **state)
{
    if (mutexes_tell) {
        expect_last_words(walk_inside_the_registry, BOX_PLAIN);
    }
}

static void
a_call_that_waits_for_the_threads_own_cache_ends_the_program(void **state)
{
    if (caches_are_had()) {
        expect_last_words(clear_inside_a_cache, BOX_CACHED);
    }
}

static void *
try_in_a_thread(void *arg)
{
    struct lock *lock = arg;

    for (int i = 0; i < 1000; i++) {
        if (lock_try(lock)) {
            lock_give(lock);
        }
    }
    return NULL;
}

/* Each compares its own number with that of the other. */
static void
a_lock_that_another_thread_has_is_waited_for(void **state)
{
    static struct lock lock;
    pthread_t thread;

    lock_init(&lock);
    assert_int_equal(pthread_create(&thread, NULL, try_in_a_thread, &lock), 0);
    for (int i = 0; i < 1000; i++) {
        lock_take(&lock);
        lock_give(&lock);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static pthread_mutex_t slow_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t slow_has_it;

/* Long enough for a waiter to give up asking for a number, mostly. */
static void *
hold_without_a_number(void *arg)
{
    mutex_take(&slow_mutex);
    forget_holder(&slow_mutex);
    pthread_barrier_wait(&slow_has_it);
    usleep(50000);
    pthread_mutex_unlock(&slow_mutex);
    return NULL;
}

static void
a_lock_of_another_thread_that_has_no_holder_yet_is_waited_for(void **state)
{
    pthread_t thread;

    pthread_barrier_init(&slow_has_it, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, hold_without_a_number, NULL), 0);
    pthread_barrier_wait(&slow_has_it);
    mutex_take(&slow_mutex);
    pthread_mutex_unlock(&slow_mutex);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_barrier_destroy(&slow_has_it);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_inside_a_call_for_the_pool_ends_the_program),
        cmocka_unit_test(a_lock_that_has_no_holder_yet_is_the_callers_own),
        cmocka_unit_test(a_call_inside_a_call_for_the_registry_ends_the_program),
        cmocka_unit_test(a_call_that_waits_for_the_threads_own_cache_ends_the_program),
        cmocka_unit_test(a_lock_that_another_thread_has_is_waited_for),
        cmocka_unit_test(a_lock_of_another_thread_that_has_no_holder_yet_is_waited_for),
    };

    return cmocka_run_group_tests_name("deadlock", tests, NULL, NULL);
}
