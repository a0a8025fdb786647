/* SPDX-License-Identifier: Apache-2.0 */
#include "export/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/proc.h"

enum {
    PATH_BACKLOG = 128,     /* connections that the kernel holds while 64 are served */
    PATH_LOCK_TRIES = 100,  /* another starter is done in a moment, or stopped for good */
    PATH_LOCK_WAIT_MS = 10, /* between two tries */
};

/* Prints into a buffer, which must hold all of it. */
__attribute__((format(printf, 3, 4))) static int
path_print(char *to, size_t room, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(to, room, format, arguments);
    va_end(arguments);
    return n >= 0 && (size_t)n < room ? 0 : -ENAMETOOLONG;
}

static const char *
path_variable(const char *name)
{
    const char *value = secure_getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* A slash at the end would make open() follow a symlink, O_NOFOLLOW or not. */
static void
path_trim(char *dir)
{
    size_t n = strlen(dir);

    while (n > 1 && dir[n - 1] == '/') {
        dir[--n] = '\0';
    }
}

static int
path_default_dir(char *dir)
{
    const char *chosen = path_variable("OSMEMPOOL_DIR");
    const char *runtime = path_variable("XDG_RUNTIME_DIR");
    uid_t uid = geteuid();
    int error;

    if (chosen != NULL) {
        error = path_print(dir, PATH_MAX, "%s", chosen);
        return *chosen == '/' ? error : -EINVAL;
    }
    /* That directory's specification wants a relative value to be ignored. */
    if (runtime != NULL && *runtime == '/') {
        return path_print(dir, PATH_MAX, "%s/osmempool", runtime);
    }
    if (uid == 0) {
        return path_print(dir, PATH_MAX, "/run/osmempool");
    }
    return path_print(dir, PATH_MAX, "/tmp/osmempool-%lu", (unsigned long)uid);
}

int
path_default(struct socket_path *path)
{
    int error = path_default_dir(path->dir);

    path_trim(path->dir);
    path->dir_is_default = true;
    path_print(path->name, sizeof(path->name), "%ld.sock", (long)getpid());
    return error;
}

int
path_explicit(struct socket_path *path, const char *text)
{
    const char *slash = strrchr(text, '/');
    const char *name = slash != NULL ? slash + 1 : text;
    int n = (int)(name - text);

    path->dir_is_default = false;
    path->dir[0] = path->name[0] = '\0';
    if (*text != '/') {
        return -EINVAL;
    }
    if (name - text >= PATH_MAX || path_print(path->dir, sizeof(path->dir), "%.*s", n, text) < 0) {
        return -ENAMETOOLONG;
    }
    path_trim(path->dir);
    if (*name == '\0') {
        return -EISDIR;
    }
    return path_print(path->name, sizeof(path->name), "%s", name);
}

int
path_beside(struct socket_path *path, const struct socket_path *other)
{
    *path = *other;
    return path_print(path->name, sizeof(path->name), "%s.%ld", other->name, (long)getpid());
}

/* What makes a directory ours: nobody else can rename or remove what we put there. */
static int
path_verify_dir(int dir)
{
    struct stat st;
    bool shared;

    if (fstat(dir, &st) < 0) {
        return -errno;
    }
    shared = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0;
    return st.st_uid == geteuid() && !shared ? 0 : -EPERM;
}

static int
path_open_dir(const struct socket_path *path)
{
    /* In a directory that the caller named, symlinks are the caller's own choice. */
    int nofollow = path->dir_is_default ? O_NOFOLLOW : 0;
    int error = 0;
    int dir;

    dir = open(path->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | nofollow);
    if (dir < 0) {
        return -errno;
    }
    if (path->dir_is_default) {
        error = path_verify_dir(dir);
    }
    if (error < 0) {
        close(dir);
    }
    return error < 0 ? error : dir;
}

/* Waits at most a second, as the program that starts waits too. */
static int
path_lock_dir(int dir)
{
    const struct timespec pause = {.tv_nsec = PATH_LOCK_WAIT_MS * 1000000L};
    int tries;

    for (tries = 0; tries < PATH_LOCK_TRIES; tries++) {
        if (flock(dir, LOCK_EX | LOCK_NB) == 0) {
            return 0;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return -errno;
        }
        nanosleep(&pause, NULL);
    }
    return -EWOULDBLOCK;
}

/*
 * An address for the socket. One too long for sockaddr_un goes by way of the directory that we
 * have open; it is never cut.
 */
static int
path_address(const struct socket_path *path, int dir, struct sockaddr_un *address)
{
    const char *slash = path->dir[1] == '\0' ? "" : "/";

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path_print(address->sun_path, sizeof(address->sun_path), "%s%s%s", path->dir, slash,
                   path->name) == 0) {
        return 0;
    }
    return path_print(address->sun_path, sizeof(address->sun_path), "%s/fd/%d/%s", proc_self(), dir,
                      path->name);
}

static int
path_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    return fd < 0 ? -errno : fd;
}

/* Whether somebody listens there: 0 nobody, else -errno that says why it must be left alone. */
static int
path_probe(const struct sockaddr_un *address)
{
    int fd = path_socket();
    int error;

    if (fd < 0) {
        return fd;
    }
    error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
    close(fd);
    if (error == ECONNREFUSED || error == ENOENT) {
        return 0;
    }
    /* EAGAIN: its backlog is full, so it is live. */
    return error == 0 || error == EAGAIN ? -EADDRINUSE : -error;
}

/* Makes room for a new socket: only a socket whose owner has gone makes way. */
static int
path_clear(const struct socket_path *path, int dir, const struct sockaddr_un *address)
{
    struct stat st;
    int error;

    if (fstatat(dir, path->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return -EEXIST;
    }
    error = path_probe(address);
    if (error == 0 && unlinkat(dir, path->name, 0) < 0 && errno != ENOENT) {
        error = -errno;
    }
    return error;
}

/* The mode is set before the name is there, so there is no moment at which others could connect. */
static int
path_bind(struct socket_path *path, int dir, int fd, const struct sockaddr_un *address)
{
    struct stat st;

    if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
        fstatat(dir, path->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return -errno;
    }
    path->dev = st.st_dev;
    path->ino = st.st_ino;
    if (listen(fd, PATH_BACKLOG) < 0) {
        int error = errno;

        unlinkat(dir, path->name, 0);
        return -error;
    }
    return 0;
}

static int
path_listen_in(struct socket_path *path, int dir, struct owned_fd *listener)
{
    struct sockaddr_un address;
    int error = path_lock_dir(dir);
    int fd;

    if (error == 0) {
        error = path_address(path, dir, &address);
    }
    if (error == 0) {
        error = path_clear(path, dir, &address);
    }
    if (error < 0) {
        return error;
    }
    fd = path_socket();
    error = fd < 0 ? fd : fd_own(listener, fd);
    if (error == 0) {
        error = path_bind(path, dir, listener->fd, &address);
        if (error < 0) {
            fd_close(listener);
        }
    }
    return error;
}

int
path_listen(struct socket_path *path, struct owned_fd *listener)
{
    int made = path->dir_is_default && mkdir(path->dir, 0700) < 0 ? -errno : 0;
    int dir = path_open_dir(path);
    int error;

    /* Where no directory may be made, one that is there will do. */
    if (dir < 0) {
        return made < 0 && made != -EEXIST ? made : dir;
    }
    /* Closing the directory gives its lock back. */
    error = path_listen_in(path, dir, listener);
    close(dir);
    return error;
}

static void
path_remove_in(const struct socket_path *path, int dir, bool listening)
{
    struct sockaddr_un address;
    struct stat st;

    if (path_lock_dir(dir) < 0 || path_address(path, dir, &address) < 0 ||
        fstatat(dir, path->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !fd_same_file(&st, path->dev, path->ino)) {
        return;
    }
    if (listening || path_probe(&address) == 0) {
        unlinkat(dir, path->name, 0);
    }
}

void
path_remove(const struct socket_path *path, bool listening)
{
    int dir = path_open_dir(path);

    if (dir >= 0) {
        path_remove_in(path, dir, listening);
        close(dir);
    }
}
