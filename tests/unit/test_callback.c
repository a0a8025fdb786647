/* SPDX-License-Identifier: Apache-2.0 */
/* test_callback.c: that a put callback runs is known by the life of its block. */
#include "common/check.h"
#include "pool/callback.h"

enum { N_DEEP = 2000 };

static struct os_mempool_ext ext;
static struct os_mempool_ext other;
static char blocks[N_DEEP];

/* As a put that the caller makes. */
static __attribute__((noinline)) bool
is_running(const struct os_mempool *mp, const void *block)
{
    return callback_is_running(mp, block, (uintptr_t)__builtin_frame_address(0));
}

static __attribute__((noinline)) os_error_t
run(os_mempool_put_fn *callback, void *block)
{
    return callback_run(&ext, callback, NULL, block, (uintptr_t)__builtin_frame_address(0));
}

static os_error_t
look_inside(struct os_mempool_ext *ome, void *data, void *arg)
{
    assert_ptr_equal(ome, &ext);
    assert_true(is_running(&ome->mpe_mp, data));
    assert_false(is_running(&ome->mpe_mp, (char *)data + 1));
    assert_false(is_running(&other.mpe_mp, data));
    return OS_EBUSY;
}

static void
a_callback_runs_from_its_call_to_its_return(void **state)
{
    assert_false(is_running(&ext.mpe_mp, &blocks[0]));
    assert_int_equal(run(look_inside, &blocks[0]), OS_EBUSY);
    assert_false(is_running(&ext.mpe_mp, &blocks[0]));
}

static os_error_t
end_inside(struct os_mempool_ext *ome, void *data, void *arg)
{
    callback_end(&other.mpe_mp, data);
    assert_true(is_running(&ome->mpe_mp, data));
    callback_end(&ome->mpe_mp, data);
    assert_false(is_running(&ome->mpe_mp, data));
    callback_end(&ome->mpe_mp, data);
    return OS_OK;
}

static void
a_block_that_was_freed_is_no_longer_in_its_callback(void **state)
{
    assert_int_equal(run(end_inside, &blocks[0]), OS_OK);
}

static os_error_t
end_all_inside(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct running bulk = callback_begin_bulk(&ome->mpe_mp, (uintptr_t)__builtin_frame_address(0));

    callback_end_all(&other.mpe_mp);
    assert_true(is_running(&ome->mpe_mp, data));
    callback_end_all(&ome->mpe_mp);
    assert_false(is_running(&ome->mpe_mp, data));
    assert_true(running_is_noted(bulk));
    callback_end_bulk(&ome->mpe_mp);
    assert_false(running_is_noted(bulk));
    return OS_OK;
}

static void
a_cleared_pool_has_no_block_in_a_callback_but_bulk_puts_go_on(void **state)
{
    assert_int_equal(run(end_all_inside, &blocks[0]), OS_OK);
}

static os_error_t
end_pool_inside(struct os_mempool_ext *ome, void *data, void *arg)
{
    struct running bulk = callback_begin_bulk(&ome->mpe_mp, (uintptr_t)__builtin_frame_address(0));

    callback_end_pool(&ome->mpe_mp);
    assert_false(is_running(&ome->mpe_mp, data));
    assert_false(running_is_noted(bulk));
    return OS_OK;
}

static void
a_pool_made_anew_is_in_no_call(void **state)
{
    assert_int_equal(run(end_pool_inside, &blocks[0]), OS_OK);
}

/* Nests down to the last block and looks from there at all the blocks above it. */
static os_error_t
nest(struct os_mempool_ext *ome, void *data, void *arg)
{
    unsigned depth = (unsigned)((char *)data - blocks) + 1;

    if (depth < N_DEEP) {
        assert_int_equal(run(nest, &blocks[depth]), OS_OK);
        return OS_OK;
    }
    for (unsigned i = 0; i < N_DEEP; i++) {
        assert_true(is_running(&ome->mpe_mp, &blocks[i]));
    }
    return OS_OK;
}

static void
every_callback_of_a_chain_is_known(void **state)
{
    assert_int_equal(run(nest, &blocks[0]), OS_OK);
    for (unsigned i = 0; i < N_DEEP; i++) {
        assert_false(is_running(&ext.mpe_mp, &blocks[i]));
    }
    a_callback_runs_from_its_call_to_its_return(state);
}

static jmp_buf way_out;

static os_error_t
jump_out(struct os_mempool_ext *ome, void *data, void *arg)
{
    longjmp(way_out, 1);
}

/* A frame of its own, so that the callback's lies below that of whoever asks. */
static __attribute__((noinline)) void
run_and_leave(void *block)
{
    volatile char frame[4096];

    frame[0] = 0;
    if (setjmp(way_out) == 0) {
        run(jump_out, block);
        fail_msg("the callback returned");
    }
    frame[4095] = frame[0];
}

static void
a_callback_left_by_longjmp_is_forgotten_above_it(void **state)
{
    for (unsigned i = 0; i < N_DEEP; i++) {
        run_and_leave(&blocks[0]);
        assert_false(is_running(&ext.mpe_mp, &blocks[0]));
    }
    a_callback_runs_from_its_call_to_its_return(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_runs_from_its_call_to_its_return),
        cmocka_unit_test(a_block_that_was_freed_is_no_longer_in_its_callback),
        cmocka_unit_test(a_cleared_pool_has_no_block_in_a_callback_but_bulk_puts_go_on),
        cmocka_unit_test(a_pool_made_anew_is_in_no_call),
        cmocka_unit_test(every_callback_of_a_chain_is_known),
        cmocka_unit_test(a_callback_left_by_longjmp_is_forgotten_above_it),
    };

    return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
