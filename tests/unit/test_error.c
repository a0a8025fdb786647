/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <string.h>

#include "base/build.h"
#include "common/check.h"
#include "osmempool.h"

static void
each_error_is_named_and_explained(void **state)
{
    const char *const names[] = {
        "OS_OK",        "OS_ENOMEM",  "OS_EINVAL",     "OS_INVALID_PARM", "OS_MEM_NOT_ALIGNED",
        "OS_BAD_MUTEX", "OS_TIMEOUT", "OS_ERR_IN_ISR", "OS_ERR_PRIV",     "OS_NOT_STARTED",
        "OS_ENOENT",    "OS_EBUSY",   "OS_ERROR",
    };

    assert_int_equal(LENGTH(names), OS_ERROR + 1);
    for (size_t i = 0; i < LENGTH(names); i++) {
        const char *text = os_error_str((os_error_t)i);
        size_t length = strlen(names[i]);

        assert_int_equal(strncmp(text, names[i], length), 0);
        assert_int_equal(strncmp(text + length, ": ", 2), 0);
        assert_true(strlen(text) > length + 2);
    }
}

static void
a_value_that_is_no_error_is_said_to_be_unknown(void **state)
{
    const int values[] = {OS_ERROR + 1, -1, INT_MAX, INT_MIN};

    for (size_t i = 0; i < LENGTH(values); i++) {
        assert_string_equal(os_error_str((os_error_t)values[i]), "unknown error");
    }
}

static void
the_version_is_that_of_the_build(void **state)
{
    assert_string_equal(osmempool_version(), OSMEMPOOL_VERSION_STRING);
    assert_string_equal(osmempool_version(), build_version);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_is_named_and_explained),
        cmocka_unit_test(a_value_that_is_no_error_is_said_to_be_unknown),
        cmocka_unit_test(the_version_is_that_of_the_build),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
