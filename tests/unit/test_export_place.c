/* SPDX-License-Identifier: Apache-2.0 */
/* test_export_place.c: sockets in a directory, with other starters, other users and the dead. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/dirlock.h"
#include "export/place.h"
#include "export/sweep.h"

/* No process has such a number: Linux ends below 2^22. Nor has any the last of them. */
enum { DEAD = 1000000000, MANY = 3 * SWEEP_SOCKETS_MAX };

static char scratch[] = "/tmp/osmp-place-XXXXXX";
static char lock_name[64];

static int
make_scratch(void **state)
{
    snprintf(lock_name, sizeof(lock_name), ".osmempool-%lu.lock", (unsigned long)geteuid());
    return mkdtemp(scratch) != NULL ? setenv("OSMEMPOOL_DIR", scratch, 1) : -1;
}

/* Nothing is left in there. */
static int
remove_scratch(void **state)
{
    return rmdir(scratch);
}

static const char *
in_scratch(const char *name)
{
    static char text[PATH_MAX + NAME_MAX + 2];

    snprintf(text, sizeof(text), "%s/%s", scratch, name);
    return text;
}

static bool
is_there(const char *name)
{
    struct stat st;

    return lstat(in_scratch(name), &st) == 0;
}

static struct socket_path
scratch_path(const char *name)
{
    struct socket_path path;

    assert_int_equal(path_explicit(&path, in_scratch(name)), 0);
    return path;
}

static struct socket_path
default_path(void)
{
    struct socket_path path;

    assert_int_equal(path_default(&path), 0);
    return path;
}

static void
expect_start_and_end(struct socket_path *path)
{
    struct owned_fd listener;

    assert_int_equal(place_listen(path, &listener), 0);
    place_remove(path, true);
    fd_close(&listener);
    assert_false(is_there(path->name));
}

static void
a_live_socket_keeps_its_place_and_a_stale_one_does_not(void **state)
{
    struct socket_path first = scratch_path("s");
    struct socket_path second = first;
    struct owned_fd one;
    struct owned_fd two;

    assert_int_equal(place_listen(&first, &one), 0);
    assert_int_equal(place_listen(&second, &two), -EADDRINUSE);
    fd_close(&one);
    assert_int_equal(place_listen(&second, &two), 0);
    /* The first's socket is gone; the second's may have its inode, and is not its to remove. */
    place_remove(&first, false);
    assert_int_equal(place_listen(&first, &one), -EADDRINUSE);
    place_remove(&second, true);
    assert_false(is_there("s"));
    fd_close(&two);
}

static void
a_long_path_goes_by_its_directory(void **state)
{
    char name[NAME_MAX + 1];
    struct socket_path path;
    struct owned_fd listener;

    memset(name, 'x', sizeof(name));
    /* What the manual promises. */
    name[80] = '\0';
    path = scratch_path(name);
    memset(path.dir + strlen(path.dir), '/', 10);
    path.dir[strlen(scratch) + 10] = '\0';
    assert_true(strlen(path.dir) + strlen(path.name) + 1 > 107);
    expect_start_and_end(&path);
    /* Too long even so. */
    name[80] = 'x';
    name[120] = '\0';
    path = scratch_path(name);
    assert_int_equal(place_listen(&path, &listener), -ENAMETOOLONG);
    assert_false(is_there(lock_name));
}

/* The lock as another process of this user has it. */
static int
lock_as_starter(void)
{
    int fd = open(in_scratch(lock_name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

static void
a_starter_that_hangs_holds_up_another_for_a_second_only(void **state)
{
    struct socket_path path = scratch_path("s");
    struct owned_fd listener;
    int fd = lock_as_starter();

    assert_int_equal(place_listen(&path, &listener), -ETIMEDOUT);
    assert_false(is_there("s"));
    close(fd);
    /* The file that a killed starter has left is no obstacle. */
    expect_start_and_end(&path);
    assert_false(is_there(lock_name));
}

static void
an_end_waits_for_no_starter(void **state)
{
    struct socket_path path = scratch_path("s");
    struct owned_fd listener;
    int fd;

    assert_int_equal(place_listen(&path, &listener), 0);
    fd = lock_as_starter();
    /* Closed behind our back, it cannot be told from a successor's without the lock. */
    place_remove(&path, false);
    assert_true(is_there("s"));
    place_remove(&path, true);
    assert_false(is_there("s"));
    fd_close(&listener);
    assert_int_equal(unlink(in_scratch(lock_name)), 0);
    close(fd);
}

/* What anybody can lock who may read the directory. */
static void
a_lock_on_the_directory_holds_up_nobody(void **state)
{
    struct socket_path path = scratch_path("s");
    int dir = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(dir >= 0);
    assert_int_equal(flock(dir, LOCK_EX), 0);
    expect_start_and_end(&path);
    close(dir);
}

/* What others can put in the place of the lock's file where they may make files. */
static void
make_squatter(int kind)
{
    const char *path = in_scratch(lock_name);

    switch (kind) {
    case 0:
        assert_int_equal(symlink("/dev/null", path), 0);
        break;
    case 1:
        assert_int_equal(mkfifo(path, 0666), 0);
        break;
    case 2:
        assert_int_equal(mkdir(path, 0777), 0);
        break;
    default:
        close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
        break;
    }
}

static void
what_is_in_the_place_of_the_lock_holds_up_nobody(void **state)
{
    struct socket_path path = scratch_path("s");
    int kind;

    for (kind = 0; kind < 4; kind++) {
        int fd;

        make_squatter(kind);
        fd = open(in_scratch(lock_name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        expect_start_and_end(&path);
        /* It is not ours. */
        assert_true(is_there(lock_name));
        assert_int_equal(remove(in_scratch(lock_name)), 0);
        close(fd);
    }
}

static void
a_directory_that_others_may_write_is_refused_unless_sticky(void **state)
{
    struct socket_path path = default_path();
    struct owned_fd listener;

    assert_int_equal(chmod(scratch, 0770), 0);
    assert_int_equal(place_listen(&path, &listener), -EPERM);
    assert_int_equal(chmod(scratch, 01777), 0);
    expect_start_and_end(&path);
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

static void
a_child_closes_all_of_them(void **state)
{
    struct owned_fd owns[3];
    struct owned_fd moved;
    int numbers[3];
    int i;

    for (i = 0; i < 3; i++) {
        assert_int_equal(fd_own(&owns[i], open("/dev/null", O_RDONLY | O_CLOEXEC)), 0);
        numbers[i] = owns[i].fd;
    }
    fd_move(&moved, &owns[1]);
    assert_int_equal(owns[1].fd, -1);
    fd_close(&owns[0]);
    fd_lock();
    fd_forget_all();
    for (i = 0; i < 3; i++) {
        assert_int_equal(owns[i].fd, -1);
        assert_int_equal(fcntl(numbers[i], F_GETFD), -1);
    }
    assert_int_equal(moved.fd, -1);
}

/* Binds a socket; the descriptor listens, or nobody does if it is closed. */
static int
bind_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", scratch, name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void
leave_socket(const char *name)
{
    close(bind_socket(name));
}

static void
expect_swept(const struct socket_path *path, const char *name)
{
    int i;

    /* A start has little time, which may pass while others run. */
    for (i = 0; i < 1000 && is_there(name); i++) {
        sweep_dead(path);
    }
    assert_false(is_there(name));
}

static void
expect_kept(const struct socket_path *path, const char *name)
{
    char dead[32];

    /* What must go is gone, so what is there still was looked at. */
    snprintf(dead, sizeof(dead), path->dir_is_default ? "%d.sock" : "e.%d", DEAD);
    leave_socket(dead);
    expect_swept(path, dead);
    assert_true(is_there(name));
    assert_int_equal(unlink(in_scratch(name)), 0);
}

static void
a_start_removes_what_the_dead_have_left(void **state)
{
    struct socket_path by_number = default_path();
    struct socket_path by_name = scratch_path("e");
    char name[32];

    snprintf(name, sizeof(name), "%d.sock", DEAD);
    leave_socket(name);
    expect_swept(&by_number, name);
    snprintf(name, sizeof(name), "e.%d", DEAD);
    leave_socket(name);
    expect_swept(&by_name, name);
    assert_false(is_there(lock_name));
}

static void
names_that_the_library_does_not_make_are_left_alone(void **state)
{
    static const char *const names[] = {
        "1000000000",
        "e.1000000000",
        "x1000000000.sock",
        "1000000000.sock.old",
        "01000000000.sock",
        "-1000000000.sock",
        "+1000000000.sock",
        " 1000000000.sock",
        "1000000000sock",
        "4294967297.sock",
        "18446744073709551617.sock",
        "99999999999999999999.sock",
        "0.sock",
        ".sock",
    };
    struct socket_path by_number = default_path();
    struct socket_path by_name = scratch_path("e");
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        leave_socket(names[i]);
        expect_kept(&by_number, names[i]);
    }
    leave_socket("1000000000.sock");
    expect_kept(&by_name, "1000000000.sock");
    leave_socket("ee.1000000000");
    expect_kept(&by_name, "ee.1000000000");
    leave_socket("e.1000000000.sock");
    expect_kept(&by_name, "e.1000000000.sock");
}

static void
what_lives_or_is_no_socket_of_ours_is_left_alone(void **state)
{
    struct socket_path path = default_path();
    char name[32];
    int fd;

    /* Of a living process, which may have closed it itself. */
    snprintf(name, sizeof(name), "%ld.sock", (long)getpid());
    leave_socket(name);
    expect_kept(&path, name);
    /* Of a process in another namespace, whose number says nothing here. */
    snprintf(name, sizeof(name), "%d.sock", DEAD + 1);
    fd = bind_socket(name);
    expect_kept(&path, name);
    close(fd);
    /* No socket at all. */
    close(open(in_scratch(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    expect_kept(&path, name);
    assert_int_equal(symlink("nowhere", in_scratch(name)), 0);
    expect_kept(&path, name);
    leave_socket(name);
    if (chown(in_scratch(name), 12345, 12345) == 0) {
        expect_kept(&path, name);
    } else {
        assert_int_equal(unlink(in_scratch(name)), 0);
    }
}

static int
count_sockets(void)
{
    char name[32];
    int n = 0;
    int i;

    for (i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%d.sock", DEAD + i);
        n += is_there(name);
    }
    return n;
}

static void
one_start_removes_so_many_and_the_next_go_on(void **state)
{
    struct socket_path path = default_path();
    char name[32];
    int i;

    for (i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%d.sock", DEAD + i);
        leave_socket(name);
    }
    sweep_dead(&path);
    assert_in_range(count_sockets(), MANY - SWEEP_SOCKETS_MAX, MANY);
    for (i = 0; i < 1000 && count_sockets() > 0; i++) {
        sweep_dead(&path);
    }
    assert_int_equal(count_sockets(), 0);
}

/* A socket that another process of this user is about to listen at has no listener either. */
static void
nothing_is_removed_while_another_starts(void **state)
{
    struct socket_path path = default_path();
    int fd = lock_as_starter();
    char name[32];

    snprintf(name, sizeof(name), "%d.sock", DEAD);
    leave_socket(name);
    sweep_dead(&path);
    assert_true(is_there(name));
    close(fd);
    expect_swept(&path, name);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_socket_keeps_its_place_and_a_stale_one_does_not),
        cmocka_unit_test(a_long_path_goes_by_its_directory),
        cmocka_unit_test(a_starter_that_hangs_holds_up_another_for_a_second_only),
        cmocka_unit_test(an_end_waits_for_no_starter),
        cmocka_unit_test(a_lock_on_the_directory_holds_up_nobody),
        cmocka_unit_test(what_is_in_the_place_of_the_lock_holds_up_nobody),
        cmocka_unit_test(a_directory_that_others_may_write_is_refused_unless_sticky),
        cmocka_unit_test(a_descriptor_that_became_another_file_is_not_closed),
        cmocka_unit_test(a_child_closes_all_of_them),
        cmocka_unit_test(a_start_removes_what_the_dead_have_left),
        cmocka_unit_test(names_that_the_library_does_not_make_are_left_alone),
        cmocka_unit_test(what_lives_or_is_no_socket_of_ours_is_left_alone),
        cmocka_unit_test(one_start_removes_so_many_and_the_next_go_on),
        cmocka_unit_test(nothing_is_removed_while_another_starts),
    };

    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
