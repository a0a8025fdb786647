/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_calls.c: what the fast path calls: no lock on a warm cache or an owned pool, few
 * membarriers at a pool's last blocks. The program stands before the C library with functions of
 * its own that count. Not for sanitizers, which stand there too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/box.h"

enum { MANY = 1000000, DEPTH = 32, BLOCKS = 2 * DEPTH, LARGE = 8192 };

static unsigned n_locks;
static unsigned n_membarriers;
static bool memory_is_out;

typedef int lock_fn(pthread_mutex_t *mutex);
typedef void *mmap_fn(void *address, size_t n, int protection, int flags, int fd, off_t offset);
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

/* What the library has memory for a large cache's blocks from. */
void *
mmap(void *address, size_t n, int protection, int flags, int fd, off_t offset)
{
    static mmap_fn *call;

    if (memory_is_out) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    if (call == NULL) {
        call = (mmap_fn *)(uintptr_t)behind("mmap");
    }
    return call(address, n, protection, flags, fd, offset);
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
    __atomic_fetch_add(&n_membarriers, number == SYS_membarrier, __ATOMIC_RELAXED);
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

/*
 * A claim costs a membarrier. It needs 256 operations under the lock before it, or twice as many as
 * the claim before if the caches had served fewer than 800 operations when that one came, or half
 * as many if they had served more. So the most claims come of two kinds by turns: after 256
 * operations under the lock, and after 512 and 800 in caches; that is 784 operations for each.
 * Wherever a pool stands, it can be ahead of that by no more than 800 operations.
 */
enum { OPS_PER_CLAIM = (256 + 512 + 800) / 2, OPS_AHEAD = 800 };

static uint64_t
most_claims(uint64_t ops)
{
    return (ops + OPS_AHEAD) / OPS_PER_CLAIM;
}

/* A user of a pool who counts its operations. */
struct last_user {
    struct os_mempool *pool;
    uint64_t ops;
    uint64_t ops_wanted;
    unsigned errors;
    unsigned n; /* blocks held */
    void *blocks[BLOCKS];
};

static bool
take_one(struct last_user *user)
{
    void *block = os_memblock_get(user->pool);

    user->ops++;
    if (block != NULL) {
        user->blocks[user->n++] = block;
    }
    return block != NULL;
}

static void
give_one(struct last_user *user)
{
    user->ops++;
    user->errors += os_memblock_put(user->pool, user->blocks[--user->n]) != OS_OK;
}

/* Gets and puts at the pool's end: all that it can get, then one back and one more. */
static void *
use_the_last(void *arg)
{
    struct last_user *user = arg;

    while (user->ops < user->ops_wanted) {
        if ((user->n == BLOCKS || !take_one(user)) && user->n > 0) {
            give_one(user);
        }
    }
    while (user->n > 0) {
        give_one(user);
    }
    return NULL;
}

static void
the_last_blocks_of_a_cached_pool_cost_few_membarriers(void **state)
{
    struct last_user users[2];
    os_membuf_t *buffer = calloc(OS_MEMPOOL_SIZE(BLOCKS, 64), sizeof(*buffer));
    struct os_mempool pool;
    pthread_t threads[2];
    unsigned before;
    uint64_t ops = 0;

    assert_non_null(buffer);
    assert_int_equal(os_mempool_init(&pool, BLOCKS, 64, buffer, "last"), OS_OK);
    assert_int_equal(os_mempool_cache_enable(&pool, DEPTH), OS_OK);
    before = n_membarriers;
    for (unsigned i = 0; i < LENGTH(users); i++) {
        users[i] = (struct last_user){.pool = &pool, .ops_wanted = MANY / 2};
        assert_int_equal(pthread_create(&threads[i], NULL, use_the_last, &users[i]), 0);
    }
    for (unsigned i = 0; i < LENGTH(users); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(users[i].errors, 0);
        ops += users[i].ops;
    }
    print_message("# %u membarriers for %u operations\n", n_membarriers - before, (unsigned)ops);
    assert_true(n_membarriers - before <= most_claims(ops));
    assert_int_equal(take_all(&pool), BLOCKS);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
    free(buffer);
}

/* Pairs under the lock, until the cache opens and has a block; false if it never does. */
static bool
wait_for_the_cache(struct last_user *user)
{
    for (unsigned i = 0; i < 50000; i++) {
        take_one(user);
        give_one(user);
        if (stats_of(user->pool).num_cached > 0) {
            return true;
        }
    }
    return false;
}

/* Lets a claim happen: all that there is, and one more. */
static void
run_dry(struct last_user *user)
{
    while (take_one(user)) {
    }
    while (user->n > 0) {
        give_one(user);
    }
}

/* By the rule above: a claim that did not pay and one that did, by turns, in a tiny pool. */
static void
the_dearest_use_of_a_cached_pool_costs_what_the_rule_says(void **state)
{
    os_membuf_t buffer[OS_MEMPOOL_SIZE(2, 64)];
    struct last_user user = {.ops = 0};
    struct os_mempool pool;
    unsigned before;

    assert_int_equal(os_mempool_init(&pool, 2, 64, buffer, "dearest"), OS_OK);
    assert_int_equal(os_mempool_cache_enable(&pool, 2), OS_OK);
    user.pool = &pool;
    before = n_membarriers;
    while (user.ops < MANY) {
        assert_true(wait_for_the_cache(&user));
        run_dry(&user);
        assert_true(wait_for_the_cache(&user));
        assert_int_equal(use_alone(&pool, 400), 0);
        user.ops += 800;
        run_dry(&user);
    }
    print_message("# %u membarriers for %u operations, %u by the rule\n", n_membarriers - before,
                  (unsigned)user.ops, (unsigned)most_claims(user.ops));
    assert_true(n_membarriers - before <= most_claims(user.ops));
    assert_true(n_membarriers - before >= most_claims(user.ops) / 100 * 95);
    assert_int_equal(user.errors, 0);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
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

/* Nor do they change errno. */
static void
a_thread_without_memory_for_a_cache_goes_on_without(void **state)
{
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(LARGE, 64)];
    struct os_mempool pool;

    assert_int_equal(os_mempool_init(&pool, LARGE, 64, buffer, "poor"), OS_OK);
    assert_int_equal(os_mempool_cache_enable(&pool, LARGE), OS_OK);
    memory_is_out = true;
    errno = EXDEV;
    for (unsigned i = 0; i < BOX_WARM; i++) {
        os_memblock_put(&pool, os_memblock_get(&pool));
    }
    memory_is_out = false;
    assert_int_equal(errno, EXDEV);
    assert_int_equal(stats_of(&pool).puts, BOX_WARM);
    assert_int_equal(stats_of(&pool).num_cached, 0);
    for (unsigned i = 0; i < BOX_WARM; i++) {
        os_memblock_put(&pool, os_memblock_get(&pool));
    }
    assert_true(stats_of(&pool).num_cached > 0);
    assert_int_equal(os_mempool_unregister(&pool), OS_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_blocks_of_a_cached_pool_cost_few_membarriers),
        cmocka_unit_test(two_threads_by_turns_cost_few_membarriers),
        cmocka_unit_test(gets_that_fail_on_an_empty_cached_pool_cost_no_membarrier),
        /* Where ownership and caches are to be had. */
        cmocka_unit_test(a_million_pairs_on_a_warm_cache_take_no_lock),
        cmocka_unit_test(a_million_pairs_of_the_owner_take_no_lock),
        cmocka_unit_test(the_dearest_use_of_a_cached_pool_costs_what_the_rule_says),
        cmocka_unit_test(a_thread_without_memory_for_a_cache_goes_on_without),
    };

    return check_run("calls", tests, 3, ownership_is_had() && caches_are_had());
}
