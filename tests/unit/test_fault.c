/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/fault.h"
#include "common/box.h"
#include "common/heard.h"
#include "common/outside.h"

enum { BLOCKS = 4, BYTES = 48 };

static struct os_mempool pool;
static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, BYTES)];

static int
begin(void **state)
{
    n_seen = 0;
    osmempool_set_fault_handler(remember, NULL);
    return os_mempool_init(&pool, BLOCKS, BYTES, buffer, "scene") != OS_OK;
}

static int
end(void **state)
{
    osmempool_set_fault_handler(NULL, NULL);
    return os_mempool_unregister(&pool) != OS_OK;
}

static void
a_note_has_pool_and_block_and_is_counted(void **state)
{
    struct faults faults;
    const struct osmempool_fault *fault;
    char *block = (char *)buffer + 2 * BYTES;

    faults_begin(&faults);
    fault = fault_note(&faults, &pool, OSMEMPOOL_FAULT_MISALIGNED, block + 5);
    assert_int_equal(fault->size, sizeof(*fault));
    assert_int_equal(fault->kind, OSMEMPOOL_FAULT_MISALIGNED);
    assert_string_equal(fault->pool_name, "scene");
    assert_ptr_equal(fault->pool, &pool);
    assert_ptr_equal(fault->block, block + 5);
    assert_int_equal(fault->index, 2);
    assert_int_equal(fault->offset, 5);
    assert_int_equal(fault_note(&faults, &pool, OSMEMPOOL_FAULT_NULL, NULL)->index, UINT32_MAX);
    assert_int_equal(stats_of(&pool).faults, 2);
    assert_int_equal(n_seen, 0);
}

static void
all_are_counted_and_some_are_told(void **state)
{
    struct faults faults;

    faults_begin(&faults);
    for (unsigned i = 1; i <= FAULTS_MAX + 3; i++) {
        bool told = fault_note(&faults, &pool, OSMEMPOOL_FAULT_NULL, NULL) != NULL;

        assert_int_equal(told, i <= FAULTS_MAX);
    }
    faults_report(&faults, &faults);
    assert_int_equal(faults.n, FAULTS_MAX + 3);
    assert_int_equal(n_seen, FAULTS_MAX);
    assert_int_equal(stats_of(&pool).faults, FAULTS_MAX + 3);
    assert_ptr_equal(seen.caller, &faults);
    assert_int_equal(seen.thread, gettid());
}

static void
a_call_that_found_nothing_reports_nothing(void **state)
{
    struct faults faults;
    struct said said;

    faults_begin(&faults);
    said_begin(&said);
    faults_report(&faults, &faults);
    assert_string_equal(said_end(&said), "");
    assert_int_equal(n_seen, 0);
}

static void
make_another(const struct osmempool_fault *fault, void *arg)
{
    n_seen++;
    assert_int_equal(os_memblock_put(&pool, NULL), OS_INVALID_PARM);
}

static void
a_fault_of_the_handler_is_counted_but_not_handed_to_it(void **state)
{
    osmempool_set_fault_handler(make_another, NULL);
    assert_int_equal(os_memblock_put(&pool, NULL), OS_INVALID_PARM);
    assert_int_equal(n_seen, 1);
    assert_int_equal(stats_of(&pool).faults, 2);
    assert_int_equal(stats_of(&pool).refused, 2);
}

static void
without_a_handler_faults_are_counted(void **state)
{
    osmempool_set_fault_handler(NULL, NULL);
    assert_int_equal(os_memblock_put(&pool, NULL), OS_INVALID_PARM);
    assert_int_equal(n_seen, 0);
    assert_int_equal(stats_of(&pool).faults, 1);
}

static void
strays_are_told_apart(void **state)
{
    uintptr_t first = (uintptr_t)buffer;

    assert_int_equal(fault_kind_of_stray(&pool, NULL), OSMEMPOOL_FAULT_NULL);
    assert_int_equal(fault_kind_of_stray(&pool, (void *)(first + 1)), OSMEMPOOL_FAULT_MISALIGNED);
    assert_int_equal(fault_kind_of_stray(&pool, (void *)(first - 1)), OSMEMPOOL_FAULT_FOREIGN);
    assert_int_equal(fault_kind_of_stray(&pool, (void *)(first + BLOCKS * BYTES)),
                     OSMEMPOOL_FAULT_FOREIGN);
}

/* Its memory may be anything by now, so it is not looked at. */
static void
an_overwritten_pool_is_not_touched(void **state)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct os_mempool *gone = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct faults faults;

    assert_true(gone != MAP_FAILED);
    faults_begin(&faults);
    fault_note_gone(&faults, gone, 0, OSMEMPOOL_FAULT_OVERWRITTEN, "gone");
    faults_report(&faults, &faults);
    assert_int_equal(n_seen, 1);
    assert_int_equal(seen.kind, OSMEMPOOL_FAULT_OVERWRITTEN);
    assert_ptr_equal(seen.pool, gone);
    assert_string_equal(seen.pool_name, "gone");
    assert_int_equal(seen.index, UINT32_MAX);
    munmap(gone, page);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_note_has_pool_and_block_and_is_counted, begin, end),
        cmocka_unit_test_setup_teardown(all_are_counted_and_some_are_told, begin, end),
        cmocka_unit_test_setup_teardown(a_call_that_found_nothing_reports_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_fault_of_the_handler_is_counted_but_not_handed_to_it,
                                        begin, end),
        cmocka_unit_test_setup_teardown(without_a_handler_faults_are_counted, begin, end),
        cmocka_unit_test_setup_teardown(strays_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(an_overwritten_pool_is_not_touched, begin, end),
    };

    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
