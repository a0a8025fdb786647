/* SPDX-License-Identifier: Apache-2.0 */
/* test_record.c: the records of pools whose names put them under words. */
#include <stdlib.h>
#include <string.h>

#include "check/record.h"
#include "check/watch.h"
#include "common/box.h"

enum { BLOCKS = 5, BYTES = 48 };

static struct os_mempool pools[3];
static os_membuf_t buffers[3][OS_MEMPOOL_SIZE(BLOCKS, BYTES)];

static struct os_mempool *
begin(unsigned i, const char *name)
{
    assert_int_equal(os_mempool_init(&pools[i], BLOCKS, BYTES, buffers[i], name), OS_OK);
    return &pools[i];
}

static void
end(struct os_mempool *mp)
{
    assert_int_equal(os_mempool_unregister(mp), OS_OK);
    assert_null(record_of(mp));
}

static void
a_new_record_has_all_blocks_free_in_ascending_order(void **state)
{
    struct os_mempool *mp = begin(0, "track");
    const struct record *record = record_of(mp);
    uint32_t at = record->first;

    assert_non_null(record);
    assert_int_equal(record->n_out, 0);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(at, i + 1);
        assert_true(record_is_free(mp, i));
        assert_ptr_equal(record_block(mp, i), (char *)buffers[0] + i * BYTES);
        at = record->blocks[at - 1].next;
    }
    assert_int_equal(at, 0);
    assert_ptr_equal(mp->slh_first, buffers[0]);
    end(mp);
}

static void
blocks_come_back_last_in_first_out(void **state)
{
    struct os_mempool *mp = begin(0, "track");
    const struct record *record = record_of(mp);

    record_take(mp);
    record_take(mp);
    assert_int_equal(record->n_out, 2);
    assert_false(record_is_free(mp, 0));
    assert_false(record_is_free(mp, 1));
    record_give(mp, 0);
    assert_int_equal(record->first, 1);
    assert_int_equal(record->blocks[0].next, 3);
    record_give(mp, 1);
    assert_int_equal(record->first, 2);
    assert_int_equal(record->n_out, 0);
    record_take(mp);
    record_clear(mp);
    assert_int_equal(record->n_out, 0);
    assert_int_equal(record->first, 1);
    end(mp);
}

static void
free_blocks_hold_what_is_looked_for(void **state)
{
    struct os_mempool *mp = begin(0, "poison");
    struct poison poison;

    record_take(mp);
    record_take(mp);
    record_give(mp, 1);
    for (uint32_t i = 1; i < BLOCKS; i++) {
        poison = record_poison(record_of(mp), i);
        assert_ptr_equal(poison.block, record_block(mp, i));
        assert_ptr_equal(poison.next, i + 1 < BLOCKS ? record_block(mp, i + 1) : NULL);
        assert_int_equal(poison_find(&poison), SIZE_MAX);
    }
    record_give(mp, 0);
    end(mp);
}

static void
traces_are_kept_under_track_alone(void **state)
{
    struct osmempool_fault fault = {.index = 2};
    struct os_mempool *tracked = begin(0, "track");
    struct os_mempool *poisoned = begin(1, "poison");

    assert_non_null(record_of(tracked)->traces);
    assert_null(record_of(poisoned)->traces);
    track_set(&record_of(tracked)->traces[2].get, &fault);
    record_tell(record_of(poisoned), &fault);
    assert_int_equal(fault.tracked, 0);
    record_tell(record_of(tracked), NULL);
    record_tell(record_of(tracked), &fault);
    assert_int_equal(fault.tracked, 1);
    assert_ptr_equal(fault.last_get.caller, &fault);
    assert_null(fault.last_put.caller);
    end(tracked);
    end(poisoned);
}

static void
a_fence_that_is_dropped_leaves_poison(void **state)
{
    struct os_mempool *mp = begin(0, "fence");
    struct record *record = record_of(mp);
    char *block = os_memblock_get(mp);

    assert_true(record->fenced);
    assert_false(record->may_touch);
    memset(block, 0x31, BYTES);
    assert_true(record_drop_fence(mp));
    assert_false(record->fenced);
    assert_true(record->may_touch);
    assert_true(record_has_word(mp, WORD_POISON));
    assert_false(record_has_word(mp, WORD_FENCE));
    assert_int_equal(block[BYTES - 1], 0x31);
    assert_true(os_mempool_is_sane(mp));
    assert_int_equal(os_memblock_put(mp, block), OS_OK);
    end(mp);
    assert_true(mp->mp_membuf_addr == (uintptr_t)buffers[0]);
}

static void
who_tells_of_leaks_is_known_from_the_beginning(void **state)
{
    struct os_mempool *first = begin(0, "track");
    struct os_mempool *second = begin(1, "both");

    assert_false(record_of(first)->tells_leaks);
    assert_true(record_of(second)->tells_leaks);
    end(first);
    end(second);
}

/* Whatever a size_t holds. On 64-bit machines no number of blocks is too many. */
static void
expect_measured(uint32_t n, bool tracked)
{
    const uint64_t traces = sizeof(struct record) + (uint64_t)n * sizeof(struct record_block);
    const uint64_t bytes = traces + (tracked ? (uint64_t)n * sizeof(struct trace) : 0);
    struct record_size size;
    bool measured = record_measure(&size, n, tracked);

    assert_int_equal(measured, bytes <= SIZE_MAX);
    if (measured) {
        assert_true(size.traces == traces && size.bytes == bytes);
    }
}

static void
the_size_of_a_record_is_exact_or_none(void **state)
{
    const uint32_t ns[] = {0, 1, 5, 1000, 89478485, 107374183, 0x20000000, UINT32_MAX};

    for (unsigned i = 0; i < LENGTH(ns); i++) {
        expect_measured(ns[i], false);
        expect_measured(ns[i], true);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_record_has_all_blocks_free_in_ascending_order),
        cmocka_unit_test(blocks_come_back_last_in_first_out),
        cmocka_unit_test(free_blocks_hold_what_is_looked_for),
        cmocka_unit_test(traces_are_kept_under_track_alone),
        cmocka_unit_test(a_fence_that_is_dropped_leaves_poison),
        cmocka_unit_test(who_tells_of_leaks_is_known_from_the_beginning),
        cmocka_unit_test(the_size_of_a_record_is_exact_or_none),
    };

    setenv("OSMEMPOOL_DEBUG", "track:track;poison:poison;fence:fence;check,track:both", 1);
    /* These tests look into free blocks, which a tool would object to. */
    watch_ignore();
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
