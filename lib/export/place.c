/* SPDX-License-Identifier: Apache-2.0 */
#include "export/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/proc.h"
#include "export/dirlock.h"

enum {
    PLACE_BACKLOG = 128, /* connections that the kernel holds while 64 are served */
    /* Another starter is done in a moment, or stopped for good. The program waits, too. */
    PLACE_LOCK_MS = 1000,
};

/* What makes a directory ours: nobody else can rename or remove what we put there. */
static int
place_verify(int dir)
{
    struct stat st;
    bool shared;

    if (fstat(dir, &st) < 0) {
        return -errno;
    }
    shared = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0;
    return st.st_uid == geteuid() && !shared ? 0 : -EPERM;
}

int
place_open(const struct socket_path *path, struct owned_fd *dir)
{
    /* In a directory that the caller named, symlinks are the caller's own choice. */
    int nofollow = path->dir_is_default ? O_NOFOLLOW : 0;
    int error;

    fd_lock();
    error = fd_own(dir, open(path->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | nofollow));
    fd_unlock();
    if (error == 0 && path->dir_is_default) {
        error = place_verify(dir->fd);
    }
    if (error < 0) {
        fd_close(dir);
    }
    return error;
}

/*
 * An address for a name in the directory. One too long for sockaddr_un goes by way of the
 * directory that we have open; it is never cut.
 */
static int
place_address(const struct socket_path *path, int dir, const char *name,
              struct sockaddr_un *address)
{
    const char *slash = path->dir[1] == '\0' ? "" : "/";

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path_print(address->sun_path, sizeof(address->sun_path), "%s%s%s", path->dir, slash,
                   name) == 0) {
        return 0;
    }
    /* Where /proc is missing there is no other way. */
    if (path_print(address->sun_path, sizeof(address->sun_path), "%s/fd/%d", proc_self(), dir) <
            0 ||
        access(address->sun_path, F_OK) < 0) {
        return -ENAMETOOLONG;
    }
    return path_print(address->sun_path, sizeof(address->sun_path), "%s/fd/%d/%s", proc_self(), dir,
                      name);
}

static int
place_socket(struct owned_fd *own)
{
    int error;

    fd_lock();
    error = fd_own(own, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    fd_unlock();
    return error;
}

static int
place_connect(const struct sockaddr_un *address)
{
    struct owned_fd own;
    int error = place_socket(&own);

    if (error == 0 && connect(own.fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        error = -errno;
    }
    fd_close(&own);
    return error;
}

int
place_probe(const struct socket_path *path, int dir, const char *name)
{
    struct sockaddr_un address;
    int error = place_address(path, dir, name, &address);

    if (error < 0) {
        return error;
    }
    error = place_connect(&address);
    if (error == -ECONNREFUSED || error == -ENOENT) {
        return 0;
    }
    /* EAGAIN: its backlog is full, so it is live. */
    return error == 0 || error == -EAGAIN ? -EADDRINUSE : error;
}

/* Makes room for a new socket: only a socket whose owner has gone makes way. */
static int
place_clear(const struct socket_path *path, int dir)
{
    struct stat st;
    int error;

    if (fstatat(dir, path->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return -EEXIST;
    }
    error = place_probe(path, dir, path->name);
    if (error == 0 && unlinkat(dir, path->name, 0) < 0 && errno != ENOENT) {
        error = -errno;
    }
    return error;
}

/* The mode is set before the name is there, so there is no moment at which others could connect. */
static int
place_bind(struct socket_path *path, int dir, int fd)
{
    struct sockaddr_un address;
    struct stat st;
    int error = place_address(path, dir, path->name, &address);

    if (error < 0) {
        return error;
    }
    if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        fstatat(dir, path->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        return -errno;
    }
    path->dev = st.st_dev;
    path->ino = st.st_ino;
    if (listen(fd, PLACE_BACKLOG) < 0) {
        error = -errno;
        unlinkat(dir, path->name, 0);
    }
    return error;
}

/* With the directory's lock, if there is one. */
static int
place_make(struct socket_path *path, int dir, struct owned_fd *listener)
{
    int error = place_clear(path, dir);

    if (error == 0) {
        error = place_socket(listener);
    }
    if (error == 0) {
        error = place_bind(path, dir, listener->fd);
        if (error < 0) {
            fd_close(listener);
        }
    }
    return error;
}

int
place_listen(struct socket_path *path, struct owned_fd *listener)
{
    int made = path->dir_is_default && mkdir(path->dir, 0700) < 0 ? -errno : 0;
    struct owned_fd dir;
    int error = place_open(path, &dir);
    struct dirlock lock;

    /* Where no directory may be made, one that is there will do. */
    if (error < 0) {
        return made < 0 && made != -EEXIST ? made : error;
    }
    error = dirlock_take(&lock, dir.fd, PLACE_LOCK_MS);
    if (error == 0) {
        error = place_make(path, dir.fd, listener);
        dirlock_give(&lock);
    }
    fd_close(&dir);
    return error;
}

static bool
place_is_same(const struct socket_path *path, int dir)
{
    struct stat st;

    return fstatat(dir, path->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           fd_same_file(&st, path->dev, path->ino);
}

/* Of a socket that does not listen any more, or of a successor's with its inode. */
static void
place_remove_dead(const struct socket_path *path, int dir)
{
    struct dirlock lock;

    if (dirlock_take(&lock, dir, 0) == 0) {
        if (dirlock_is_held(&lock) && place_is_same(path, dir) &&
            place_probe(path, dir, path->name) == 0) {
            unlinkat(dir, path->name, 0);
        }
        dirlock_give(&lock);
    }
}

void
place_remove(const struct socket_path *path, bool listening)
{
    struct owned_fd dir;

    if (place_open(path, &dir) < 0) {
        return;
    }
    if (!listening) {
        place_remove_dead(path, dir.fd);
    } else if (place_is_same(path, dir.fd)) {
        unlinkat(dir.fd, path->name, 0);
    }
    fd_close(&dir);
}
