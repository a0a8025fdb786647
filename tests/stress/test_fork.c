/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fork.c: a child forked while other threads are in the library can use all of it at once.
 *
 * Two threads get and put, a third registers and takes off pools, without pause. The child takes
 * every block, puts it, makes pools of its own, walks, and forks again. A lock that a thread of the
 * parent held at the fork would hang the child: an alarm ends it, and the parent sees that.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "os/os_mempool.h"

enum { POOLS = 3, BLOCKS = 40, BLOCK_SIZE = 64, BUSY = 2, HELD = 5, CHILD_SECONDS = 250 };

struct yard {
    struct os_mempool pools[POOLS];
    os_membuf_t buffers[POOLS][OS_MEMPOOL_SIZE(BLOCKS, BLOCK_SIZE)];
    struct os_mempool passing;
    os_membuf_t passing_buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_SIZE)];
    struct crew crew;
};

static void
be_busy(struct crew_worker *worker)
{
    struct yard *yard = worker->job;
    struct os_mempool *mp = &yard->pools[crew_random(worker, POOLS)];
    void *held[HELD];
    unsigned n = crew_random(worker, HELD) + 1;

    for (unsigned i = 0; i < n; i++) {
        held[i] = os_memblock_get(mp);
        crew_expect(worker, held[i] != NULL);
    }
    for (unsigned i = 0; i < n; i++) {
        crew_expect(worker, os_memblock_put(mp, held[i]) == OS_OK);
    }
}

static void
come_and_go(struct crew_worker *worker)
{
    struct yard *yard = worker->job;

    crew_expect(worker, os_mempool_init(&yard->passing, BLOCKS, BLOCK_SIZE, yard->passing_buffer,
                                        "passing") == OS_OK);
    crew_expect(worker, os_mempool_unregister(&yard->passing) == OS_OK);
}

static void
work(struct crew_worker *worker)
{
    while (crew_goes_on(worker)) {
        if (worker->number <= BUSY) {
            be_busy(worker);
        } else {
            come_and_go(worker);
        }
        worker->rounds++;
    }
}

/* Takes and puts every block; what the parent's threads held at the fork is out for ever. */
static bool
child_uses_up(struct os_mempool *mp)
{
    void *blocks[BLOCKS];
    unsigned n = 0;
    unsigned n_free = mp->mp_num_free;

    while (n < BLOCKS && (blocks[n] = os_memblock_get(mp)) != NULL) {
        n++;
    }
    if (n != n_free || n < BLOCKS - BUSY * HELD || os_memblock_get(mp) != NULL) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (os_memblock_put(mp, blocks[i]) != OS_OK) {
            return false;
        }
    }
    return os_mempool_is_sane(mp) && mp->mp_num_free == n;
}

static bool
child_makes_a_pool(void)
{
    static struct os_mempool own;
    static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_SIZE)];

    return os_mempool_init(&own, BLOCKS, BLOCK_SIZE, buffer, "own") == OS_OK &&
           os_mempool_get("own", NULL) == &own && child_uses_up(&own) &&
           os_mempool_unregister(&own) == OS_OK;
}

static bool
child_walks(struct yard *yard)
{
    struct os_mempool *mp = NULL;

    for (unsigned i = 0; i < POOLS; i++) {
        mp = os_mempool_info_get_next(mp, NULL);
        if (mp != &yard->pools[i]) {
            return false;
        }
    }
    return true;
}

/* Exit statuses: which of the steps failed. */
static int
child_uses_library(struct yard *yard)
{
    for (unsigned i = 0; i < POOLS; i++) {
        if (!child_uses_up(&yard->pools[i])) {
            return 1;
        }
    }
    if (!child_makes_a_pool()) {
        return 2;
    }
    if (!child_walks(yard)) {
        return 3;
    }
    if (os_mempool_clear(&yard->pools[0]) != OS_OK || yard->pools[0].mp_num_free != BLOCKS) {
        return 4;
    }
    return 0;
}

static int
child_forks(struct yard *yard)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(CHILD_SECONDS);
        _exit(child_uses_library(yard));
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        return 10;
    }
    return 0;
}

static int
child_lives(struct yard *yard, bool fork_again)
{
    int result;

    alarm(CHILD_SECONDS);
    result = child_uses_library(yard);
    return result == 0 && fork_again ? child_forks(yard) : result;
}

static void
fork_once(struct yard *yard, bool fork_again)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(child_lives(yard, fork_again));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
a_child_can_use_everything_at_once(void **state)
{
    struct yard *yard = calloc(1, sizeof(*yard));
    unsigned n_forks = crew_scale(20, 1000, 10000);

    assert_non_null(yard);
    for (unsigned i = 0; i < POOLS; i++) {
        assert_int_equal(
            os_mempool_init(&yard->pools[i], BLOCKS, BLOCK_SIZE, yard->buffers[i], "busy"), OS_OK);
    }
    crew_begin(&yard->crew, BUSY + 1, work, yard);
    for (unsigned i = 0; i < n_forks; i++) {
        fork_once(yard, i % 10 == 0);
    }
    crew_stop_after(&yard->crew, 0);
    crew_join(&yard->crew);
    for (unsigned i = 0; i < POOLS; i++) {
        assert_int_equal(yard->pools[i].mp_num_free, BLOCKS);
        assert_int_equal(os_mempool_unregister(&yard->pools[i]), OS_OK);
    }
    free(yard);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_can_use_everything_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
