/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.h: file descriptors of a guest in somebody else's process.
 *
 * The application may close our descriptors (close_range) or put its own in their place (dup2), so
 * each is kept with the identity of its file and looked at before use. Ours are above stderr, as
 * a program that was started without 0 to 2 would write its output into them, and CLOEXEC.
 */
#ifndef OSMP_EXPORT_FD_H
#define OSMP_EXPORT_FD_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct owned_fd {
    int fd; /* -1: none */
    dev_t dev;
    ino_t ino;
};

/*
 * Takes charge of a descriptor that was just made, which may become another number. Returns 0 or
 * -errno: then it is closed and *own is none.
 */
int fd_own(struct owned_fd *own, int fd);

/* Whether it is still the file that it was. */
bool fd_is_ours(const struct owned_fd *own);

/* Closes it, unless it has become somebody else's; *own is none then. */
void fd_close(struct owned_fd *own);

/* Whether two descriptions are of one file. */
static inline bool
fd_same_file(const struct stat *st, dev_t dev, ino_t ino)
{
    return st->st_dev == dev && st->st_ino == ino;
}

#endif
