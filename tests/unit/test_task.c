/* SPDX-License-Identifier: Apache-2.0 */
/* test_task.c: what a client may have done to pools, and that no pool stops it. */
#include <stdlib.h>
#include <string.h>

#include "check/watch.h"
#include "common/box.h"
#include "common/holder.h"
#include "layout/cache.h"
#include "layout/geometry.h"
#include "snapshot/task.h"

enum { N_POOLS = 40, MANY_POOLS = 10000, STEPS_MAX = 10000 };

static struct task *
begin(const struct task_kind *kind, const char *glob)
{
    struct task *task = task_begin(kind, glob);

    assert_non_null(task);
    return task;
}

/* Ends a task; its rows are exactly these. */
static void
expect_rows(struct task *task, const char *rows)
{
    struct json json = {0};
    size_t n;
    char *bytes;
    char *text;
    const char *at;

    task_write(&json, task);
    task_end(task);
    bytes = json_take(&json, &n);
    assert_non_null(bytes);
    text = strndup(bytes, n);
    free(bytes);
    assert_true(strncmp(text, "{\"schema\":\"osmempool/1\",\"version\":", 34) == 0);
    at = strstr(text, ",\"time\":");
    assert_non_null(at);
    at += strlen(",\"time\":");
    assert_string_equal(at + strspn(at, "0123456789"), rows);
    free(text);
}

static void
expect_checks(const char *glob, const char *rows)
{
    struct task *task = begin(&task_check, glob);

    assert_true(task_step(task));
    expect_rows(task, rows);
}

/* The row of a check that names no damage. */
static void
expect_result(struct task *task, const struct box *box, const char *result)
{
    char rows[100];

    snprintf(rows, sizeof(rows), ",\"checks\":[{\"name\":\"%s\",\"result\":\"%s\"}]}\n",
             box->pool->name, result);
    expect_rows(task, rows);
}

static void
expect_sane(const struct box *box, const char *glob)
{
    struct task *task = begin(&task_check, glob);

    assert_true(task_step(task));
    expect_result(task, box, "sane");
}

static void
a_pattern_names_the_pools(void **state)
{
    struct box *box = box_make(BOX_PLAIN);
    struct os_mempool other;

    assert_int_equal(os_mempool_init(&other, 0, 8, NULL, "a\n"), OS_OK);
    expect_checks("nothing", ",\"checks\":[]}\n");
    expect_sane(box, "pl?in");
    expect_checks("*", ",\"checks\":[{\"name\":\"plain\",\"result\":\"sane\"},"
                       "{\"name\":\"a\\u000a\",\"result\":\"sane\"}]}\n");
    assert_int_equal(os_mempool_unregister(&other), OS_OK);
    expect_checks("a*", ",\"checks\":[]}\n");
    box_end(box);
}

static void
damage_is_told_with_block_and_address(void **state)
{
    struct box *box = box_make(BOX_PLAIN);
    void *block = geometry_block(box->pool, 3);
    char rows[300];

    osmp_words(block)[OSMP_KEY] ^= 1;
    snprintf(
        rows, sizeof(rows),
        ",\"checks\":[{\"name\":\"plain\",\"result\":\"damaged\",\"what\":\"the mark of this free "
        "block was overwritten\",\"block\":3,\"address\":\"%p\"}]}\n",
        block);
    expect_checks("*", rows);
    assert_int_equal(os_mempool_clear(box->pool), OS_OK);
    box->pool->slh_first = NULL;
    expect_checks(
        "*", ",\"checks\":[{\"name\":\"plain\",\"result\":\"damaged\",\"what\":\"the free list "
             "is shorter than the free count\"}]}\n");
    assert_int_equal(os_mempool_clear(box->pool), OS_OK);
    expect_sane(box, "*");
    box_end(box);
}

static void
a_pool_whose_lock_is_held_is_busy_and_the_others_are_not(void **state)
{
    struct holder holder;
    struct box *box = box_make(BOX_PLAIN);
    struct os_mempool other;
    struct task *task;

    assert_int_equal(os_mempool_init(&other, 0, 8, NULL, "b"), OS_OK);
    hold(&holder, box->pool);
    task = begin(&task_check, "*");
    assert_false(task_step(task));
    assert_false(task_step(task));
    expect_rows(task, ",\"checks\":[{\"name\":\"plain\",\"result\":\"busy\"},"
                      "{\"name\":\"b\",\"result\":\"sane\"}]}\n");
    task = begin(&task_check, "plain");
    assert_false(task_step(task));
    let_go(&holder);
    assert_true(task_step(task));
    expect_result(task, box, "sane");
    assert_int_equal(os_mempool_unregister(&other), OS_OK);
    box_end(box);
}

/* Its thread stands still at this moment: the test writes what it would have written. */
static void
an_owner_that_stays_in_its_section_is_not_waited_for(void **state)
{
    struct box *box = box_make(BOX_OWNED_ELSEWHERE);
    struct osmp_thread *owner = box->pool->osmp_owner;
    struct task *task = begin(&task_check, "*");

    if (owner != NULL) {
        __atomic_store_n(&owner->busy, box->pool, __ATOMIC_RELEASE);
        assert_false(task_step(task));
        assert_ptr_equal(box->pool->osmp_owner, owner);
        __atomic_store_n(&owner->busy, NULL, __ATOMIC_RELEASE);
    }
    assert_true(task_step(task));
    assert_ptr_equal(box->pool->osmp_owner, owner);
    expect_result(task, box, "sane");
    box_end(box);
}

static void
a_thread_that_stays_in_its_cache_is_not_waited_for(void **state)
{
    struct box *box = box_make(BOX_CACHED_ELSEWHERE);
    struct cache_set *set = pool_tail(box->pool)->caches;
    struct cache *cache = set != NULL ? set->all : NULL;
    struct task *task = begin(&task_check, "*");

    if (cache != NULL && cache->open_tp != 0) {
        uint32_t n = cache_held(cache->counts);

        assert_true(n > 0);
        __atomic_store_n(&cache->busy, box->pool, __ATOMIC_RELEASE);
        assert_false(task_step(task));
        assert_true(cache->open_tp == cache->tp);
        assert_false(cache->paused);
        assert_int_equal(cache_held(cache->counts), n);
        assert_int_equal(set->n_open, 1);
        expect_result(task, box, "busy");
        __atomic_store_n(&cache->busy, NULL, __ATOMIC_RELEASE);
        task = begin(&task_check, "*");
    }
    assert_true(task_step(task));
    expect_result(task, box, "sane");
    box_end(box);
}

static void
pools_in_every_state_are_found_sane(struct box *box)
{
    if (!box_is_registered(box)) {
        expect_checks("*", ",\"checks\":[]}\n");
    } else {
        expect_sane(box, "*");
    }
}

static void
a_pool_that_goes_away_is_left_out(void **state)
{
    struct holder holder;
    struct os_mempool *pool = malloc(sizeof(*pool));
    struct task *task;

    assert_int_equal(os_mempool_init(pool, 0, 8, NULL, "plain"), OS_OK);
    hold(&holder, pool);
    task = begin(&task_check, "*");
    assert_false(task_step(task));
    let_go(&holder);
    assert_int_equal(os_mempool_unregister(pool), OS_OK);
    assert_int_equal(os_mempool_init(pool, 0, 8, NULL, "another"), OS_OK);
    assert_true(task_step(task));
    expect_rows(task, ",\"checks\":[]}\n");
    assert_int_equal(os_mempool_unregister(pool), OS_OK);
    task = begin(&task_check, "*");
    free(pool);
    assert_true(task_step(task));
    expect_rows(task, ",\"checks\":[]}\n");
}

static void
a_reset_starts_the_low_water_mark_again(void **state)
{
    struct holder holder;
    struct box *box = box_make(BOX_PLAIN);
    void *blocks[3];
    struct task *task;

    for (unsigned i = 0; i < LENGTH(blocks); i++) {
        blocks[i] = os_memblock_get(box->pool);
    }
    os_memblock_put(box->pool, blocks[2]);
    os_memblock_put(box->pool, blocks[1]);
    hold(&holder, box->pool);
    task = begin(&task_reset_min, "*");
    assert_false(task_step(task));
    let_go(&holder);
    assert_int_equal(box->pool->mp_min_free, BOX_BLOCKS - 3);
    assert_true(task_step(task));
    assert_int_equal(box->pool->mp_min_free, BOX_BLOCKS - 1);
    expect_rows(task, ",\"reset\":[{\"name\":\"plain\",\"min_free\":63}]}\n");
    os_memblock_put(box->pool, blocks[0]);
    task = begin(&task_reset_min, "plain");
    hold(&holder, box->pool);
    assert_false(task_step(task));
    let_go(&holder);
    expect_rows(task, ",\"reset\":[{\"name\":\"plain\",\"result\":\"busy\"}]}\n");
    box_end(box);
}

/* However short a step is, each pool has its turn. */
static void
many_pools_are_done_in_steps(void **state)
{
    struct holder holder;
    struct os_mempool *pools = calloc(MANY_POOLS, sizeof(*pools));
    struct task *task;
    unsigned steps = 0;

    for (unsigned i = 0; i < MANY_POOLS; i++) {
        assert_int_equal(os_mempool_init(&pools[i], 0, 8, NULL, i < N_POOLS ? "few" : "many"),
                         OS_OK);
    }
    hold(&holder, &pools[0]);
    task = begin(&task_check, "many");
    while (!task_step(task) && steps < STEPS_MAX) {
        steps++;
    }
    assert_true(steps < STEPS_MAX);
    task_end(task);
    let_go(&holder);
    for (unsigned i = 0; i < MANY_POOLS; i++) {
        assert_int_equal(os_mempool_unregister(&pools[i]), OS_OK);
    }
    free(pools);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_names_the_pools),
        cmocka_unit_test(damage_is_told_with_block_and_address),
        cmocka_unit_test(a_pool_whose_lock_is_held_is_busy_and_the_others_are_not),
        cmocka_unit_test(an_owner_that_stays_in_its_section_is_not_waited_for),
        cmocka_unit_test(a_thread_that_stays_in_its_cache_is_not_waited_for),
        BOX_EVERY(pools_in_every_state_are_found_sane),
        cmocka_unit_test(a_pool_that_goes_away_is_left_out),
        cmocka_unit_test(a_reset_starts_the_low_water_mark_again),
        cmocka_unit_test(many_pools_are_done_in_steps),
    };

    /* These tests damage free blocks, which a tool would object to. */
    watch_ignore();
    return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
