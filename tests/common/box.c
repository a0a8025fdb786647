/* SPDX-License-Identifier: Apache-2.0 */
#include "common/box.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fixture.h"

enum { HANG_SECONDS = 250, TAKE_MAX = 65536 };

static const struct {
    const char *name;
    uint32_t size;
} box_kinds[BOX_KINDS] = {
    [BOX_PLAIN] = {"plain", 61},
    [BOX_OWNED] = {"owned", 61},
    [BOX_OWNED_ELSEWHERE] = {"owned elsewhere", 61},
    [BOX_CACHED] = {"cached", 61},
    [BOX_CACHED_ELSEWHERE] = {"cached elsewhere", 61},
    [BOX_LARGE] = {"large", 2048},
    [BOX_EXTENDED] = {"extended", 61},
    [BOX_EXTENDED_CACHED] = {"extended cached", 61},
    [BOX_ONE_WORD] = {"one word", OS_ALIGNMENT},
    [BOX_UNREGISTERED] = {"unregistered", 61},
    [BOX_DROPPED] = {"dropped", 61},
    [BOX_DROPPED_CACHED] = {"dropped, cached", 61},
    [BOX_DROPPED_CACHED_ELSEWHERE] = {"dropped, cached elsewhere", 61},
};

static bool
box_is_cached(const struct box *box)
{
    return box->kind == BOX_CACHED || box->kind == BOX_CACHED_ELSEWHERE ||
           box->kind == BOX_EXTENDED_CACHED || box->kind == BOX_LARGE ||
           box->kind == BOX_DROPPED_CACHED || box->kind == BOX_DROPPED_CACHED_ELSEWHERE;
}

static bool
box_is_elsewhere(const struct box *box)
{
    return box->kind == BOX_OWNED_ELSEWHERE || box->kind == BOX_CACHED_ELSEWHERE ||
           box->kind == BOX_DROPPED_CACHED_ELSEWHERE;
}

bool
box_is_registered(const struct box *box)
{
    return box->kind < BOX_UNREGISTERED;
}

bool
box_is_extended(const struct box *box)
{
    return box->kind == BOX_EXTENDED || box->kind == BOX_EXTENDED_CACHED;
}

bool
box_finds_twins(const struct box *box)
{
    return !box_is_extended(box) && box->kind != BOX_ONE_WORD;
}

/* Put callback. */
static os_error_t
box_callback(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct box *box = arg;

    __atomic_fetch_add(&box->n_calls, 1, __ATOMIC_RELAXED);
    if (data == box->cb_keeps) {
        return box->cb_returns;
    }
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

unsigned
use_alone(struct os_mempool *mp, unsigned n)
{
    unsigned failures = 0;

    for (unsigned i = 0; i < n; i++) {
        void *block = os_memblock_get(mp);

        failures += block == NULL || os_memblock_put(mp, block) != OS_OK;
    }
    return failures;
}

/* The guest leaves its cache, if there is one, with blocks in it. */
static void *
box_be_guest(void *arg)
{
    struct box *box = arg;

    use_alone(box->pool, BOX_WARM);
    take_all(box->pool);
    use_alone(box->pool, BOX_WARM);
    sem_post(&box->guest_is_ready);
    while (sem_wait(&box->guest_may_go) != 0) {
    }
    return NULL;
}

static void
box_invite(struct box *box)
{
    assert_int_equal(sem_init(&box->guest_is_ready, 0, 0), 0);
    assert_int_equal(sem_init(&box->guest_may_go, 0, 0), 0);
    assert_int_equal(pthread_create(&box->guest, NULL, box_be_guest, box), 0);
    while (sem_wait(&box->guest_is_ready) != 0) {
    }
    box->has_guest = true;
}

static void
box_send_guest_away(struct box *box)
{
    if (box->has_guest) {
        sem_post(&box->guest_may_go);
        assert_int_equal(pthread_join(box->guest, NULL), 0);
        sem_destroy(&box->guest_is_ready);
        sem_destroy(&box->guest_may_go);
        box->has_guest = false;
    }
}

static void
box_init_pool(struct box *box)
{
    const char *name = box_kinds[box->kind].name;

    if (box_is_extended(box)) {
        assert_int_equal(os_mempool_ext_init(&box->ext, BOX_BLOCKS, box->size, box->buffer, name),
                         OS_OK);
        box->ext.mpe_put_cb = box_callback;
        box->ext.mpe_put_arg = box;
    } else {
        assert_int_equal(os_mempool_init(box->pool, BOX_BLOCKS, box->size, box->buffer, name),
                         OS_OK);
    }
    if (box_is_cached(box)) {
        assert_int_equal(os_mempool_cache_enable(box->pool, BOX_DEPTH), OS_OK);
    }
}

static void
box_bring_into_state(struct box *box)
{
    if (box_is_elsewhere(box)) {
        box_invite(box);
    } else if (box->kind != BOX_PLAIN) {
        assert_int_equal(use_alone(box->pool, BOX_WARM), 0);
    }
    if (box->kind == BOX_UNREGISTERED) {
        assert_int_equal(os_mempool_unregister(box->pool), OS_OK);
    } else if (!box_is_registered(box)) {
        os_mempool_module_init();
    }
}

struct box *
box_make(enum box_kind kind)
{
    struct box *box = calloc(1, sizeof(*box));

    assert_non_null(box);
    box->kind = kind;
    box->pool = &box->ext.mpe_mp;
    box->size = box_kinds[kind].size;
    box->buffer = malloc(OS_MEMPOOL_BYTES(BOX_BLOCKS, box->size));
    assert_non_null(box->buffer);
    box_init_pool(box);
    box_bring_into_state(box);
    box->n_calls = 0;
    return box;
}

void
box_end(struct box *box)
{
    if (box_is_registered(box)) {
        stats_of(box->pool);
    }
    assert_true(os_mempool_is_sane(box->pool));
    assert_int_equal(take_all(box->pool), BOX_BLOCKS);
    box_send_guest_away(box);
    if (box_is_registered(box)) {
        assert_int_equal(os_mempool_cache_disable(box->pool), OS_OK);
        pool_expect_whole(box->pool);
        assert_int_equal(os_mempool_unregister(box->pool), OS_OK);
    }
    if (!box_is_cached(box) || box_is_registered(box)) {
        pool_expect_whole(box->pool);
    }
    if (!box_is_registered(box)) {
        assert_int_equal(os_mempool_unregister(box->pool), OS_INVALID_PARM);
    }
    free(box->buffer);
    free(box);
}

void
box_try_every_kind(void **state)
{
    box_rule_fn *rule = (box_rule_fn *)(uintptr_t)*state;

    for (int kind = 0; kind < BOX_KINDS; kind++) {
        struct box *box = box_make((enum box_kind)kind);

        fprintf(stderr, "# %s\n", box_kinds[kind].name);
        rule(box);
        box_end(box);
    }
}

struct os_mempool_stats
stats_of(const struct os_mempool *mp)
{
    struct os_mempool_stats st;

    assert_int_equal(os_mempool_stats_get(mp, &st, sizeof(st)), OS_OK);
    assert_int_equal(st.size, sizeof(st));
    assert_int_equal(st.num_blocks, mp->mp_num_blocks);
    assert_true(st.num_free <= st.num_blocks);
    assert_true(st.min_free <= st.num_free);
    assert_true(st.num_cached <= st.num_free);
    assert_true((int64_t)(st.gets - st.puts) + st.adjust == st.num_blocks - st.num_free);
    assert_true((st.failed == 0) == (st.failed_time == 0));
    return st;
}

uint32_t
take_all(struct os_mempool *mp)
{
    static _Thread_local void *blocks[TAKE_MAX];
    uint32_t n = 0;

    while (n < TAKE_MAX && (blocks[n] = os_memblock_get(mp)) != NULL) {
        n++;
    }
    for (uint32_t i = n; i > 0; i--) {
        if (os_memblock_put_from_cb(mp, blocks[i - 1]) != OS_OK) {
            return 0;
        }
    }
    return n;
}

bool
ownership_is_had(void)
{
    struct box *box = box_make(BOX_OWNED);
    bool is_owned = box->pool->osmp_owner != NULL;

    box_end(box);
    return is_owned;
}

bool
caches_are_had(void)
{
    struct box *box = box_make(BOX_CACHED);
    bool has_some = stats_of(box->pool).num_cached > 0;

    box_end(box);
    return has_some;
}

void
run_elsewhere(void *(*work)(void *), void *arg)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, work, arg), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *
use_and_end(void *pool)
{
    return (void *)(uintptr_t)use_alone(pool, BOX_WARM);
}

void
use_elsewhere(struct os_mempool *mp)
{
    run_elsewhere(use_and_end, mp);
}

bool
true_in_child(bool (*look)(void *), void *arg)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(HANG_SECONDS);
        _exit(look(arg) ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}
