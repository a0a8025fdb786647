/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "check/asan_options.h"
#include "common/check.h"

static void
set(const char *asan, const char *lsan)
{
    unsetenv("ASAN_OPTIONS");
    unsetenv("LSAN_OPTIONS");
    if (asan != NULL) {
        setenv("ASAN_OPTIONS", asan, 1);
    }
    if (lsan != NULL) {
        setenv("LSAN_OPTIONS", lsan, 1);
    }
}

static void
leaks_are_looked_for_unless_that_is_off(void **state)
{
    static const struct {
        const char *asan, *lsan;
        bool wanted;
    } cases[] = {
        {NULL, NULL, true},
        {"", "", true},
        {"detect_leaks=1", NULL, true},
        {"detect_leaks=0", NULL, false},
        {"detect_leaks=false", NULL, false},
        {"verbosity=0:detect_leaks=no:exitcode=0", NULL, false},
        {"verbosity=0,detect_leaks='0'", NULL, false},
        {"detect_leaks=0:detect_leaks=1", NULL, true},
        {"no_detect_leaks=0", NULL, true},
        {"detect_leaks", NULL, true},
        {"detect_leaks=1", "detect_leaks=0", false},
        {"detect_leaks=0", "detect_leaks=1", true},
        {NULL, "max_leaks=3 detect_leaks=0", false},
    };

    for (size_t i = 0; i < LENGTH(cases); i++) {
        set(cases[i].asan, cases[i].lsan);
        assert_int_equal(asan_options_want_leaks(), cases[i].wanted);
    }
}

static void
the_exit_code_is_theirs_or_one(void **state)
{
    static const struct {
        const char *asan, *lsan;
        int code;
    } cases[] = {
        {NULL, NULL, 1},
        {"exitcode=", "exitcode=x", 1},
        {"exitcode=77", NULL, 77},
        {"exitcode=77", "detect_leaks=1", 77},
        {"exitcode=77", "exitcode=5", 5},
        {NULL, "a=1:exitcode=0:b=2", 0},
        {"my_exitcode=3", NULL, 1},
    };

    for (size_t i = 0; i < LENGTH(cases); i++) {
        set(cases[i].asan, cases[i].lsan);
        assert_int_equal(asan_options_exit_code(), cases[i].code);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaks_are_looked_for_unless_that_is_off),
        cmocka_unit_test(the_exit_code_is_theirs_or_one),
    };

    return cmocka_run_group_tests_name("asan_options", tests, NULL, NULL);
}
