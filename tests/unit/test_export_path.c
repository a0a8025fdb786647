/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/path.h"

static char scratch[] = "/tmp/osmp-path-XXXXXX";
static char pid_name[64];

static int
make_scratch(void **state)
{
    snprintf(pid_name, sizeof(pid_name), "%ld.sock", (long)getpid());
    return mkdtemp(scratch) != NULL ? 0 : -1;
}

static int
remove_scratch(void **state)
{
    return rmdir(scratch);
}

static void
expect_default(const char *chosen, const char *runtime, const char *dir, int error)
{
    struct socket_path path;

    setenv("OSMEMPOOL_DIR", chosen, 1);
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    assert_int_equal(path_default(&path), error);
    assert_string_equal(path.dir, dir);
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

static struct socket_path
scratch_path(const char *name)
{
    struct socket_path path;
    char text[PATH_MAX];

    snprintf(text, sizeof(text), "%s/%s", scratch, name);
    assert_int_equal(path_explicit(&path, text), 0);
    return path;
}

static const char *
text_of(const struct socket_path *path)
{
    static char text[PATH_MAX + NAME_MAX + 2];

    snprintf(text, sizeof(text), "%s/%s", path->dir, path->name);
    return text;
}

static void
a_live_socket_keeps_its_place_and_a_stale_one_does_not(void **state)
{
    struct socket_path first = scratch_path("s");
    struct socket_path second = first;
    struct owned_fd one;
    struct owned_fd two;

    assert_int_equal(path_listen(&first, &one), 0);
    assert_int_equal(path_listen(&second, &two), -EADDRINUSE);
    fd_close(&one);
    assert_int_equal(path_listen(&second, &two), 0);
    /* The first's socket is gone; the second's may have its inode, and is not its to remove. */
    path_remove(&first, false);
    assert_int_equal(path_listen(&first, &one), -EADDRINUSE);
    path_remove(&second, true);
    assert_int_equal(access(text_of(&second), F_OK), -1);
    fd_close(&two);
}

static void
a_long_path_goes_by_its_directory(void **state)
{
    char name[NAME_MAX + 1];
    struct socket_path path;
    struct owned_fd listener;

    memset(name, 'x', sizeof(name));
    name[85] = '\0';
    path = scratch_path(name);
    assert_true(strlen(path.dir) + strlen(path.name) + 1 > 106);
    assert_int_equal(path_listen(&path, &listener), 0);
    path_remove(&path, true);
    fd_close(&listener);
    /* Too long even so. */
    memset(name, 'x', sizeof(name));
    name[120] = '\0';
    path = scratch_path(name);
    assert_int_equal(path_listen(&path, &listener), -ENAMETOOLONG);
}

static void
a_starter_that_hangs_holds_up_another_for_a_second_only(void **state)
{
    struct socket_path path = scratch_path("s");
    struct owned_fd listener;
    int dir = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(dir >= 0);
    assert_int_equal(flock(dir, LOCK_EX), 0);
    assert_int_equal(path_listen(&path, &listener), -EWOULDBLOCK);
    close(dir);
    assert_int_equal(path_listen(&path, &listener), 0);
    path_remove(&path, true);
    fd_close(&listener);
}

static void
a_directory_that_others_may_write_is_refused_unless_sticky(void **state)
{
    struct socket_path path;
    struct owned_fd listener;

    setenv("OSMEMPOOL_DIR", scratch, 1);
    assert_int_equal(path_default(&path), 0);
    assert_int_equal(chmod(scratch, 0770), 0);
    assert_int_equal(path_listen(&path, &listener), -EPERM);
    assert_int_equal(chmod(scratch, 01777), 0);
    assert_int_equal(path_listen(&path, &listener), 0);
    path_remove(&path, true);
    fd_close(&listener);
    assert_int_equal(chmod(scratch, 0700), 0);
}

static void
a_descriptor_that_became_another_file_is_not_closed(void **state)
{
    struct owned_fd own;
    int pipe_fds[2];
    int other;

    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(fd_own(&own, pipe_fds[0]), 0);
    assert_true(fd_is_ours(&own));
    other = open("/dev/null", O_RDONLY);
    assert_int_equal(dup2(other, own.fd), own.fd);
    assert_false(fd_is_ours(&own));
    fd_close(&own);
    assert_int_equal(own.fd, -1);
    assert_true(fcntl(pipe_fds[0], F_GETFD) >= 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    close(other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_directory_is_the_first_that_is_set),
        cmocka_unit_test(an_explicit_path_is_split),
        cmocka_unit_test(names_too_long_are_refused_and_not_cut),
        cmocka_unit_test(a_live_socket_keeps_its_place_and_a_stale_one_does_not),
        cmocka_unit_test(a_long_path_goes_by_its_directory),
        cmocka_unit_test(a_starter_that_hangs_holds_up_another_for_a_second_only),
        cmocka_unit_test(a_directory_that_others_may_write_is_refused_unless_sticky),
        cmocka_unit_test(a_descriptor_that_became_another_file_is_not_closed),
    };

    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
