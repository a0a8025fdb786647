/* SPDX-License-Identifier: Apache-2.0 */
/* test_callback.c: the record of the callbacks that a thread is inside of. */
#include "common/check.h"
#include "pool/callback.h"

enum { N_KNOWN = 32, N_DEEP = 80 };

static struct os_mempool_ext ext;
static struct os_mempool_ext other;
static char blocks[N_DEEP];

static bool
is_running(const void *block)
{
    return callback_is_running(&ext.mpe_mp, block);
}

static os_error_t
look_inside(struct os_mempool_ext *ome, void *data, void *arg)
{
    assert_ptr_equal(ome, &ext);
    assert_true(is_running(data));
    assert_false(is_running((char *)data + 1));
    assert_false(callback_is_running(&other.mpe_mp, data));
    return OS_EBUSY;
}

static void
a_callback_runs_from_its_call_to_its_return(void **state)
{
    assert_false(is_running(&blocks[0]));
    assert_int_equal(callback_run(&ext, look_inside, NULL, &blocks[0]), OS_EBUSY);
    assert_false(is_running(&blocks[0]));
}

static os_error_t
release_inside(struct os_mempool_ext *ome, void *data, void *arg)
{
    callback_released(&other.mpe_mp, data);
    assert_true(is_running(data));
    callback_released(&ome->mpe_mp, data);
    assert_false(is_running(data));
    callback_released(&ome->mpe_mp, data);
    return OS_OK;
}

static void
a_released_block_is_no_longer_in_its_callback(void **state)
{
    assert_int_equal(callback_run(&ext, release_inside, NULL, &blocks[0]), OS_OK);
}

/* Nests down to the last block and looks from there at all the blocks above it. */
static os_error_t
nest(struct os_mempool_ext *ome, void *data, void *arg)
{
    unsigned depth = (unsigned)((char *)data - blocks) + 1;

    if (depth < N_DEEP) {
        assert_int_equal(callback_run(ome, nest, NULL, &blocks[depth]), OS_OK);
        return OS_OK;
    }
    for (unsigned i = 0; i < N_DEEP; i++) {
        assert_int_equal(is_running(&blocks[i]), i >= N_DEEP - N_KNOWN);
    }
    return OS_OK;
}

static void
the_last_32_callbacks_are_known(void **state)
{
    assert_int_equal(callback_run(&ext, nest, NULL, &blocks[0]), OS_OK);
    for (unsigned i = 0; i < N_DEEP; i++) {
        assert_false(is_running(&blocks[i]));
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
        callback_run(&ext, jump_out, NULL, block);
        fail_msg("the callback returned");
    }
    frame[4095] = frame[0];
}

static void
a_callback_left_by_longjmp_is_forgotten_above_it(void **state)
{
    for (unsigned i = 0; i < N_DEEP; i++) {
        run_and_leave(&blocks[0]);
        assert_false(is_running(&blocks[0]));
    }
    a_callback_runs_from_its_call_to_its_return(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_runs_from_its_call_to_its_return),
        cmocka_unit_test(a_released_block_is_no_longer_in_its_callback),
        cmocka_unit_test(the_last_32_callbacks_are_known),
        cmocka_unit_test(a_callback_left_by_longjmp_is_forgotten_above_it),
    };

    return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
