/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "common/check.h"

static void
a_file_is_read_as_a_text(void **state)
{
    char text[1024];

    memset(text, 'x', sizeof(text));
    assert_true(proc_read("/proc/self/stat", text, sizeof(text)));
    assert_int_equal(atoi(text), getpid());
    assert_true(strlen(text) < sizeof(text));
}

static void
what_has_no_room_is_cut_off(void **state)
{
    char text[8];

    memset(text, 'x', sizeof(text));
    assert_true(proc_read("/proc/self/maps", text, sizeof(text)));
    assert_int_equal(strlen(text), sizeof(text) - 1);
}

static void
where_there_is_nothing_the_text_is_empty(void **state)
{
    char text[8] = "before";

    assert_false(proc_read("/proc/self/no such file", text, sizeof(text)));
    assert_string_equal(text, "");
    strcpy(text, "before");
    assert_false(proc_read("/dev/null", text, sizeof(text)));
    assert_string_equal(text, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_as_a_text),
        cmocka_unit_test(what_has_no_room_is_cut_off),
        cmocka_unit_test(where_there_is_nothing_the_text_is_empty),
    };

    return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
