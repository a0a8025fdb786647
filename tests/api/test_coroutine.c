/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_coroutine.c: put callbacks and fault handlers as parts of coroutines, which wait in one
 * thread and go on in another.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "common/box.h"

/* A thread's stack also holds its thread-local storage, of which the tests' boxes have half a MiB.
 */
enum { BLOCKS = 4, STACK_BYTES = 2 * 1024 * 1024 };

/* The coroutine, and who resumed it last. */
static ucontext_t coroutine;
static ucontext_t *resumer;

static struct os_mempool_ext ext;
static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, 64)];
static os_error_t outcome;

static void
wait_for_another_thread(void)
{
    swapcontext(&coroutine, resumer);
}

/* Runs the coroutine in the calling thread until it waits or ends. */
static void *
resume(void *arg)
{
    ucontext_t here;

    resumer = &here;
    swapcontext(&here, &coroutine);
    return NULL;
}

/* A thread whose stack, with its thread-local storage, cannot be touched once it has ended. */
static void
resume_in_thread_that_is_gone_afterwards(void)
{
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;

    assert_true(stack != MAP_FAILED);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, resume, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    assert_int_equal(mprotect(stack, STACK_BYTES, PROT_NONE), 0);
}

static void
coroutine_begin(void (*run)(void))
{
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

    assert_true(stack != MAP_FAILED);
    assert_int_equal(getcontext(&coroutine), 0);
    coroutine.uc_stack.ss_sp = stack;
    coroutine.uc_stack.ss_size = STACK_BYTES;
    coroutine.uc_link = NULL;
    makecontext(&coroutine, run, 0);
    outcome = OS_ERROR;
}

static void
coroutine_end(void)
{
    munmap(coroutine.uc_stack.ss_sp, STACK_BYTES);
}

static int
begin(void **state)
{
    return os_mempool_ext_init(&ext, BLOCKS, 64, buffer, "coroutines") != OS_OK;
}

static int
end(void **state)
{
    return ext.mpe_mp.mp_num_free != BLOCKS || os_mempool_unregister(&ext.mpe_mp) != OS_OK;
}

/* Gets a block and puts it; whether that is as it should be is seen outside. */
static void
get_and_put(void)
{
    outcome = os_memblock_put(&ext.mpe_mp, os_memblock_get(&ext.mpe_mp));
    wait_for_another_thread();
}

static bool waits;

static os_error_t
wait_and_release(struct os_mempool_ext *ome, void *data, void *arg)
{
    if (waits) {
        waits = false;
        wait_for_another_thread();
    }
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

/* Each block can be got and put by this thread, whose callbacks have all returned. */
static void
expect_all_blocks_to_be_put(void)
{
    void *blocks[BLOCKS];

    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = os_memblock_get(&ext.mpe_mp);
        assert_non_null(blocks[i]);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        assert_int_equal(os_memblock_put(&ext.mpe_mp, blocks[i]), OS_OK);
    }
}

static void
a_callback_may_return_in_another_thread(void **state)
{
    ext.mpe_put_cb = wait_and_release;
    waits = true;
    coroutine_begin(get_and_put);
    resume(NULL);
    run_elsewhere(resume, NULL);
    assert_int_equal(outcome, OS_OK);
    expect_all_blocks_to_be_put();
    coroutine_end();
}

static void
a_callback_may_return_when_the_thread_that_called_it_is_gone(void **state)
{
    ext.mpe_put_cb = wait_and_release;
    waits = true;
    coroutine_begin(get_and_put);
    resume_in_thread_that_is_gone_afterwards();
    resume(NULL);
    assert_int_equal(outcome, OS_OK);
    expect_all_blocks_to_be_put();
    coroutine_end();
}

static os_error_t
wait_and_put_the_same(struct os_mempool_ext *ome, void *data, void *arg)
{
    os_error_t *inner = arg;

    wait_for_another_thread();
    *inner = os_memblock_put(&ome->mpe_mp, data);
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

static void
in_another_thread_it_is_still_the_callback_of_its_block(void **state)
{
    os_error_t inner = OS_OK;

    ext.mpe_put_cb = wait_and_put_the_same;
    ext.mpe_put_arg = &inner;
    coroutine_begin(get_and_put);
    resume(NULL);
    run_elsewhere(resume, NULL);
    assert_int_equal(inner, OS_INVALID_PARM);
    assert_int_equal(outcome, OS_OK);
    ext.mpe_put_cb = NULL;
    expect_all_blocks_to_be_put();
    coroutine_end();
}

/* It is never resumed: its block comes back by others. */
static void
a_callback_may_never_return(void **state)
{
    void *block = os_memblock_get(&ext.mpe_mp);

    assert_int_equal(os_memblock_put_from_cb(&ext.mpe_mp, block), OS_OK);
    ext.mpe_put_cb = wait_and_release;
    waits = true;
    coroutine_begin(get_and_put);
    resume(NULL);
    coroutine_end();
    assert_int_equal(os_memblock_put_from_cb(&ext.mpe_mp, block), OS_OK);
    expect_all_blocks_to_be_put();
}

static unsigned n_heard;

static void
hear_and_wait(const struct osmempool_fault *fault, void *arg)
{
    n_heard++;
    if (waits) {
        waits = false;
        wait_for_another_thread();
    }
}

static void
put_nothing(void)
{
    outcome = os_memblock_put(&ext.mpe_mp, NULL);
    wait_for_another_thread();
}

static void
a_fault_handler_may_return_when_the_thread_that_called_it_is_gone(void **state)
{
    osmempool_set_fault_handler(hear_and_wait, NULL);
    n_heard = 0;
    waits = true;
    coroutine_begin(put_nothing);
    resume_in_thread_that_is_gone_afterwards();
    resume(NULL);
    assert_int_equal(outcome, OS_INVALID_PARM);
    assert_int_equal(n_heard, 1);
    assert_int_equal(os_memblock_put(&ext.mpe_mp, NULL), OS_INVALID_PARM);
    assert_int_equal(n_heard, 2);
    osmempool_set_fault_handler(NULL, NULL);
    coroutine_end();
}

static void
a_fault_handler_may_return_in_another_thread(void **state)
{
    osmempool_set_fault_handler(hear_and_wait, NULL);
    n_heard = 0;
    waits = true;
    coroutine_begin(put_nothing);
    resume(NULL);
    run_elsewhere(resume, NULL);
    assert_int_equal(outcome, OS_INVALID_PARM);
    assert_int_equal(os_memblock_put(&ext.mpe_mp, NULL), OS_INVALID_PARM);
    assert_int_equal(n_heard, 2);
    osmempool_set_fault_handler(NULL, NULL);
    coroutine_end();
}

#define POOL(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        POOL(a_callback_may_return_in_another_thread),
        POOL(a_callback_may_return_when_the_thread_that_called_it_is_gone),
        POOL(in_another_thread_it_is_still_the_callback_of_its_block),
        POOL(a_callback_may_never_return),
        POOL(a_fault_handler_may_return_in_another_thread),
        POOL(a_fault_handler_may_return_when_the_thread_that_called_it_is_gone),
    };

    return cmocka_run_group_tests_name("coroutine", tests, NULL, NULL);
}
