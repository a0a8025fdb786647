/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_inline.c: what is special about OSMEMPOOL_INLINE. That all else is the same is shown by the
 * other programs of this suite, which are built with it too.
 */
#include <dlfcn.h>
#include <string.h>

#include "common/box.h"
#include "inline_user.h"

#ifndef OSMEMPOOL_INLINE
#error "this test is about programs that define OSMEMPOOL_INLINE"
#endif

/* The one file that emits it. */
extern os_error_t user_inline_put(struct os_mempool *mp, void *block);

/* Through a pointer, and so no inlining. */
static void *(*volatile get_pointer)(struct os_mempool *mp) = os_memblock_get;
static os_error_t (*volatile put_pointer)(struct os_mempool *mp, void *block) = os_memblock_put;

static void
the_functions_addresses_are_the_librarys(void **state)
{
    void *get = dlsym(RTLD_DEFAULT, OSMEMPOOL_SYMBOL(os_memblock_get));
    void *put = dlsym(RTLD_DEFAULT, OSMEMPOOL_SYMBOL(os_memblock_put));

    assert_non_null(get);
    assert_ptr_equal((void *)(uintptr_t)get_pointer, get);
    assert_ptr_equal((void *)(uintptr_t)put_pointer, put);
    assert_ptr_equal((void *)(uintptr_t)&os_memblock_get, get);
}

/* A pool is owned after a run, whichever of the two ways its operations went. */
static void
the_owner_may_mix_calls_and_inline_code(void **state)
{
    bool owned = ownership_is_had();
    struct box *box = box_make(BOX_PLAIN);

    for (unsigned i = 0; i < BOX_WARM; i++) {
        void *a = get_pointer(box->pool);
        void *b = user_static_get(box->pool);

        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal(user_inline_put(box->pool, a), OS_OK);
        assert_int_equal(put_pointer(box->pool, a), OS_INVALID_PARM);
        assert_int_equal(put_pointer(box->pool, b), OS_OK);
        assert_int_equal(os_memblock_put(box->pool, b), OS_INVALID_PARM);
    }
    assert_int_equal(box->pool->osmp_owner != NULL, owned);
    assert_int_equal(stats_of(box->pool).gets, 2 * BOX_WARM);
    assert_int_equal(stats_of(box->pool).puts, 2 * BOX_WARM);
    assert_int_equal(stats_of(box->pool).refused, 2 * BOX_WARM);
    box_end(box);
}

static void
bad_input_is_what_it_is_by_a_call(struct box *box)
{
    uint64_t foreign[8] = {0};
    void *blocks[BOX_BLOCKS];

    assert_null(os_memblock_get(NULL));
    assert_int_equal(os_memblock_put(NULL, foreign), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put(box->pool, NULL), OS_INVALID_PARM);
    assert_int_equal(os_memblock_put(box->pool, foreign), OS_INVALID_PARM);
    for (unsigned i = 0; i < BOX_BLOCKS; i++) {
        blocks[i] = os_memblock_get(box->pool);
        assert_int_equal(os_memblock_put(box->pool, (char *)blocks[i] + 1), OS_INVALID_PARM);
    }
    assert_null(os_memblock_get(box->pool));
    for (unsigned i = 0; i < BOX_BLOCKS; i++) {
        memset(blocks[i], 0xff, box->size);
        assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_OK);
        assert_int_equal(os_memblock_put(box->pool, blocks[i]), OS_INVALID_PARM);
    }
    assert_int_equal(box->n_calls, box_is_extended(box) ? BOX_BLOCKS : 0);
}

/* Also when it is a thousand operations old: nobody owns what was never initialised. */
static void
a_pool_of_zeroes_is_empty_and_safe(void **state)
{
    struct os_mempool pool, before;
    uint64_t foreign[8] = {0};

    memset(&pool, 0, sizeof(pool));
    for (unsigned i = 0; i < BOX_WARM; i++) {
        assert_null(os_memblock_get(&pool));
        assert_int_equal(os_memblock_put(&pool, foreign), OS_INVALID_PARM);
        assert_int_equal(os_memblock_put(&pool, NULL), OS_INVALID_PARM);
        assert_int_equal(os_memblock_from(&pool, foreign), 0);
    }
    memset(&before, 0, 64);
    assert_memory_equal(&pool, &before, 64);
}

static void *
use_another_threads(void *arg)
{
    struct box *box = arg;

    for (unsigned i = 0; i < BOX_WARM; i++) {
        void *block = user_static_get(box->pool);

        if (block == NULL || user_inline_put(box->pool, block) != OS_OK) {
            return box;
        }
    }
    return NULL;
}

static void
threads_that_share_a_pool_pass_it_on(struct box *box)
{
    enum { N = 3 };
    pthread_t threads[N];
    void *failed;

    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_another_threads, box), 0);
    }
    assert_null(use_another_threads(box));
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_functions_addresses_are_the_librarys),
        cmocka_unit_test(the_owner_may_mix_calls_and_inline_code),
        BOX_EVERY(bad_input_is_what_it_is_by_a_call),
        cmocka_unit_test(a_pool_of_zeroes_is_empty_and_safe),
        BOX_EVERY(threads_that_share_a_pool_pass_it_on),
    };

    return cmocka_run_group_tests_name("inline", tests, NULL, NULL);
}
