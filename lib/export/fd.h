/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd.h: file descriptors of a guest in somebody else's process.
 *
 * The application may close our descriptors (close_range) or put its own in their place (dup2), so
 * each is kept with the identity of its file and looked at before use. Ours are above stderr, as
 * a program that was started without 0 to 2 would write its output into them, and CLOEXEC.
 *
 * Synchronization: one mutex guards the list of all of them, which a forked child closes. Who makes
 * a descriptor holds it from before the call that does so until the descriptor is in the list, and
 * a fork holds it, so that no child has one that it does not know of. Nothing is allocated, freed
 * or waited for under it: an allocator may have its own locks held while a fork waits for this one.
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
    struct owned_fd *next; /* in the list of all */
};

void fd_lock(void);
void fd_unlock(void);

/*
 * Takes charge of a descriptor that was just made, which may become another number; of none, if the
 * call that should have made it has failed and errno says why. Returns 0 or -errno: then it is
 * closed and *own is none. Under the lock.
 */
int fd_own(struct owned_fd *own, int fd);

/* Hands one over to another place, which must be none. Under the lock. */
void fd_move(struct owned_fd *to, struct owned_fd *from);

/* Whether it is still the file that it was. */
bool fd_is_ours(const struct owned_fd *own);

/* Closes it, unless it has become somebody else's; *own is none then. Takes the lock. */
void fd_close(struct owned_fd *own);

/* In a forked child, whose forking thread has the lock: closes all there are, and gives it. */
void fd_forget_all(void);

/* Whether two descriptions are of one file. */
static inline bool
fd_same_file(const struct stat *st, dev_t dev, ino_t ino)
{
    return st->st_dev == dev && st->st_ino == ino;
}

#endif
