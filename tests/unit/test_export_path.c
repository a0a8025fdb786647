/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/path.h"

static void
expect_default(const char *chosen, const char *runtime, const char *dir, int error)
{
    struct socket_path path;
    char pid_name[64];

    setenv("OSMEMPOOL_DIR", chosen, 1);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    assert_int_equal(path_default(&path), error);
    assert_string_equal(path.dir, dir);
    snprintf(pid_name, sizeof(pid_name), "%ld.sock", (long)getpid());
    assert_string_equal(path.name, pid_name);
}

static void
the_default_directory_is_the_first_that_is_set(void **state)
{
    char last[64] = "/run/osmempool";

    if (geteuid() != 0) {
        snprintf(last, sizeof(last), "/tmp/osmempool-%lu", (unsigned long)geteuid());
    }
    expect_default("/a/b", "/r", "/a/b", 0);
    expect_default("/a/b//", "/r", "/a/b", 0);
    expect_default("/", "", "/", 0);
    expect_default("a", "/r", "a", -EINVAL);
    expect_default("", "/r", "/r/osmempool", 0);
    expect_default("", "r", last, 0);
    expect_default("", "", last, 0);
}

static void
an_explicit_path_is_split(void **state)
{
    struct socket_path path;

    assert_int_equal(path_explicit(&path, "/a/b"), 0);
    assert_string_equal(path.dir, "/a");
    assert_string_equal(path.name, "b");
    assert_int_equal(path_explicit(&path, "/b"), 0);
    assert_string_equal(path.dir, "/");
    assert_string_equal(path.name, "b");
    assert_int_equal(path_explicit(&path, "b"), -EINVAL);
    assert_int_equal(path_explicit(&path, ""), -EINVAL);
    assert_int_equal(path_explicit(&path, "/a/"), -EISDIR);
}

static void
names_too_long_are_refused_and_not_cut(void **state)
{
    struct socket_path path;
    struct socket_path beside;
    char text[PATH_MAX + NAME_MAX + 2];

    memset(text, 'n', sizeof(text));
    text[0] = '/';
    text[NAME_MAX + 2] = '\0';
    assert_int_equal(path_explicit(&path, text), -ENAMETOOLONG);
    text[NAME_MAX + 1] = '\0';
    assert_int_equal(path_explicit(&path, text), 0);
    assert_int_equal(path_beside(&beside, &path), -ENAMETOOLONG);
    text[NAME_MAX + 1] = 'n';
    text[PATH_MAX] = '/';
    text[PATH_MAX + 1] = '\0';
    assert_int_equal(path_explicit(&path, text), -ENAMETOOLONG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_directory_is_the_first_that_is_set),
        cmocka_unit_test(an_explicit_path_is_split),
        cmocka_unit_test(names_too_long_are_refused_and_not_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
