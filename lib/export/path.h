/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h: where the socket lies: paths that are made or named, not yet looked at.
 */
#ifndef OSMP_EXPORT_PATH_H
#define OSMP_EXPORT_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

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

/* Prints into a buffer, which must hold all of it: else -ENAMETOOLONG. */
int
path_print(char *to, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
