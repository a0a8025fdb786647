/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/poison.h"
#include "common/check.h"

enum { SIZE_MOST = 64 };

static os_membuf_t memory[SIZE_MOST / sizeof(os_membuf_t)];

static struct poison
poison_make(uint32_t size, bool filled)
{
    memset(memory, 0x11, sizeof(memory));
    return poison_of(memory, OS_ALIGN(size, OS_ALIGNMENT), 0x5eed, memory + 3, filled);
}

static void
a_block_that_was_set_is_as_it_should_be(void **state)
{
    for (uint32_t size = 1; size <= SIZE_MOST; size++) {
        for (int filled = 0; filled < 2; filled++) {
            struct poison poison = poison_make(size, filled);

            poison_set(&poison);
            assert_int_equal(poison_find(&poison), SIZE_MAX);
        }
    }
}

static void
each_changed_byte_is_found_and_known(void **state)
{
    for (uint32_t size = 1; size <= SIZE_MOST; size++) {
        struct poison poison = poison_make(size, true);
        unsigned char *bytes = poison.block;

        poison_set(&poison);
        for (size_t at = 0; at < OS_ALIGN(size, OS_ALIGNMENT); at++) {
            bytes[at] ^= 1;
            assert_int_equal(poison_find(&poison), at);
            assert_int_equal(poison_byte(&poison, at) ^ bytes[at], 1);
            bytes[at] ^= 1;
        }
        assert_int_equal(poison_find(&poison), SIZE_MAX);
    }
}

static void
without_the_pattern_link_and_key_are_all_that_is_known(void **state)
{
    struct poison poison = poison_make(SIZE_MOST, false);
    unsigned char *bytes = poison.block;

    poison_set(&poison);
    assert_memory_equal(bytes, &poison.next, sizeof(void *));
    for (size_t at = 2 * sizeof(void *); at < SIZE_MOST; at++) {
        assert_int_equal(bytes[at], 0x11);
        bytes[at] = 0;
    }
    assert_int_equal(poison_find(&poison), SIZE_MAX);
    bytes[2 * sizeof(void *) - 1] ^= 1;
    assert_int_equal(poison_find(&poison), 2 * sizeof(void *) - 1);
}

static void
nothing_beyond_the_stride_is_written(void **state)
{
    struct poison poison = poison_make(13, true);
    const unsigned char *bytes = poison.block;

    poison_set(&poison);
    for (size_t at = OS_ALIGN(13, OS_ALIGNMENT); at < SIZE_MOST; at++) {
        assert_int_equal(bytes[at], 0x11);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_that_was_set_is_as_it_should_be),
        cmocka_unit_test(each_changed_byte_is_found_and_known),
        cmocka_unit_test(without_the_pattern_link_and_key_are_all_that_is_known),
        cmocka_unit_test(nothing_beyond_the_stride_is_written),
    };

    return cmocka_run_group_tests_name("poison", tests, NULL, NULL);
}
