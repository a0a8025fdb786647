/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_calls.c: what the fast path calls: no lock on a warm cache or an owned pool, few
 * membarriers at a pool's last blocks. The program stands before the C library with functions of
 * its own that count. Not for sanitizers, which stand there too.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/box.h"

enum { MANY = 1000000, DEPTH = 32, BLOCKS = 2 * DEPTH };

static unsigned n_locks;
static unsigned n_membarriers;

typedef int lock_fn(pthread_mutex_t *mutex);
typedef long syscall_fn(long number, long a, long b, long c, long d, long e, long f);

/* The C library's own function of a name. */
static void *
behind(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static lock_fn *lock;

    if (lock == NULL) {
        lock = (lock_fn *)(uintptr_t)behind("pthread_mutex_lock");
    }
    __atomic_fetch_add(&n_locks, 1, __ATOMIC_RELAXED);
    return lock(mutex);
}

long
syscall(long number, ...)
{
    static syscall_fn *call;
    long a[6];
    va_list args;

    va_start(args, number);
    for (unsigned i = 0; i < LENGTH(a); i++) {
        a[i] = va_arg(args, long);
    }
    va_end(args);
    if (call == NULL) {
        call = (syscall_fn *)(uintptr_t)behind("syscall");
    }
    n_membarriers += number == SYS_membarrier;
    return call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The pool's own lock is counted only where it is a mutex; others (the registry's) always are. */
static void
a_million_pairs_on_a_warm_cache_take_no_lock(void **state)
{
    struct box *box;
    unsigned before;

    box = box_make(BOX_CACHED);
    before = n_locks;
    assert_int_equal(use_alone(box->pool, MANY), 0);
    assert_int_equal(n_locks, before);
    assert_true(stats_of(box->pool).num_cached > 0);
    assert_int_equal(stats_of(box->pool).gets, MANY + BOX_WARM);
    assert_true(n_locks > before);
    box_end(box);
}

static void
a_million_pairs_of_the_owner_take_no_lock(void **state)
{
    struct box *box;
    unsigned before;

    box = box_make(BOX_OWNED);
    before = n_locks;
    assert_int_equal(use_alone(box->pool, MANY), 0);
    assert_int_equal(n_locks, before);
    box_end(box);
}

/* Gets and puts at the pool's end: all that it can get, then one back and one more. */
struct last_user {
    struct os_mempool *pool;
    unsigned ops;
    unsigned errors;
};

static void *
use_the_last(void *arg)
{
    struct last_user *user = arg;
    void *blocks[BLOCKS];
    unsigned n = 0;

    for (unsigned i = 0; i < user->ops; i++) {
        void *block = n < BLOCKS ? os_memblock_get(user->pool) : NULL;

        if (block != NULL) {
            blocks[n++] = block;
        } else if (n > 0) {
            user->errors += os_memblock_put(user->pool, blocks[--n]) != OS_OK;
        }
    }
    while (n > 0) {
        user->errors += os_memblock_put(user->pool, blocks[--n]) != OS_OK;
    }
    return NULL;
}

/*
 * A claim must be paid for by 256 operations under the lock, and the time before it by 800 in
 * caches, or the next one is dearer. So a thousand operations a claim, but for a few at the start;
 * two such threads, for those that lie on the border of both counts.
 */
static void
the_last_blocks_of_a_cached_pool_cost_few_membarriers(void **state)
{
    struct last_user users[2];
    os_membuf_t *buffer = calloc(OS_MEMPOOL_SIZE(BLOCKS, 64), sizeof(*buffer));
    struct os_mempool pool;
    pthread_t threads[2];
    unsigned before;

    assert_non_null(buffer);
    assert_int_equal(os_mempool_init(&pool, BLOCKS, 64, buffer, "last"), OS_OK);
    assert_int_equal(os_mempool_cache_enable(&pool, DEPTH), OS_OK);
    before = n_membarriers;
    for (unsigned i = 0; i < LENGTH(users); i++) {
        users[i] = (struct last_user){&pool, MANY / 2, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, use_the_last, &users[i]), 0);
    }
    for (unsigned i = 0; i < LENGTH(users); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(users[i].errors, 0);
    }
    print_message("# %u membarriers for %u operations\n", n_membarriers - before, MANY);
    assert_true(n_membarriers - before <= MANY / 500);
    assert_int_equal(take_all(&pool), BLOCKS);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    free(buffer);
}

/* One revocation each, and each of them dearer to earn than the one before: ski rental. */
static void
two_threads_by_turns_cost_few_membarriers(void **state)
{
    struct box *box = box_make(BOX_OWNED_ELSEWHERE);
    unsigned before = n_membarriers;

    for (unsigned i = 0; i < 100; i++) {
        use_elsewhere(box->pool);
        assert_int_equal(use_alone(box->pool, 100), 0);
    }
    print_message("# %u membarriers for 100 changes of the owner\n", n_membarriers - before);
    assert_true(n_membarriers - before <= 2 * 100 + 2);
    box_end(box);
}

static void
gets_that_fail_on_an_empty_cached_pool_cost_no_membarrier(void **state)
{
    struct box *box = box_make(BOX_CACHED);
    void *blocks[BOX_BLOCKS];
    unsigned before;

    assert_int_equal(os_memblock_get_bulk(box->pool, blocks, BOX_BLOCKS), OS_OK);
    assert_null(os_memblock_get(box->pool));
    before = n_membarriers;
    for (unsigned i = 0; i < BOX_WARM; i++) {
        assert_null(os_memblock_get(box->pool));
    }
    assert_int_equal(n_membarriers, before);
    assert_int_equal(os_memblock_put_bulk(box->pool, blocks, BOX_BLOCKS), OS_OK);
    box_end(box);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_blocks_of_a_cached_pool_cost_few_membarriers),
        cmocka_unit_test(two_threads_by_turns_cost_few_membarriers),
        cmocka_unit_test(gets_that_fail_on_an_empty_cached_pool_cost_no_membarrier),
        /* Where pools are owned and caches opened. */
        cmocka_unit_test(a_million_pairs_on_a_warm_cache_take_no_lock),
        cmocka_unit_test(a_million_pairs_of_the_owner_take_no_lock),
    };

    return check_run("calls", tests, 3, caches_are_had());
}
