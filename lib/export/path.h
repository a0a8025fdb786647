/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h: where the socket lies, and who may be there already.
 *
 * Starters at one directory wait for each other (flock on it), so of two that find the same stale
 * socket one replaces it and the other finds it live. A live socket, and any file that is no
 * socket, is never touched.
 */
#ifndef OSMP_EXPORT_PATH_H
#define OSMP_EXPORT_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "export/fd.h"

struct socket_path {
    char dir[PATH_MAX];
    char name[NAME_MAX + 1];
    bool dir_is_default; /* the directory is ours alone: it is made if missing, and verified */
    dev_t dev;           /* the socket's own, once it is bound */
    ino_t ino;
};

/*
 * The default path, PID.sock in $OSMEMPOOL_DIR, $XDG_RUNTIME_DIR/osmempool, /run/osmempool (root)
 * or /tmp/osmempool-UID. Returns 0 or -errno; the directory is filled in for a message also then.
 */
int path_default(struct socket_path *path);

/* The path that a caller names, which must be absolute. Returns 0 or -errno, likewise. */
int path_explicit(struct socket_path *path, const char *text);

/* A path beside another: its name followed by .PID of this process. Returns 0 or -errno. */
int path_beside(struct socket_path *path, const struct socket_path *other);

/*
 * Makes a socket there that listens, takes no byte of another user's and does not block. Returns
 * 0 or -errno: EADDRINUSE if a live socket is there, EEXIST if another file is.
 */
int path_listen(struct socket_path *path, struct owned_fd *listener);

/*
 * Removes the socket if it is still the one that path_listen() made. While that listens its inode
 * is no other's; once it is closed, a live socket there with the same inode is a successor's.
 */
void path_remove(const struct socket_path *path, bool listening);

#endif
