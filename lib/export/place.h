/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h: the socket in its directory, and what may be there already.
 *
 * Starters at one directory take turns (dirlock.h), so of two that find the same stale socket one
 * replaces it and the other finds it live. A live socket, and any file that is no socket, is never
 * touched.
 */
#ifndef OSMP_EXPORT_PLACE_H
#define OSMP_EXPORT_PLACE_H

#include <stdbool.h>

#include "export/fd.h"
#include "export/path.h"

/*
 * Makes a socket there that listens, takes no byte of another user's and does not block. Returns
 * 0 or -errno: EADDRINUSE if a live socket is there, EEXIST if another file is, ETIMEDOUT if
 * another process of this user keeps the directory locked.
 */
int place_listen(struct socket_path *path, struct owned_fd *listener);

/*
 * Removes the socket if it is still the one that place_listen() made. While that listens its inode
 * is no other's; once it is closed, a live socket there with the same inode is a successor's. Never
 * waits: what cannot be removed now is left for a later start.
 */
void place_remove(const struct socket_path *path, bool listening);

/* Opens the directory. Returns 0 or -errno. */
int place_open(const struct socket_path *path, struct owned_fd *dir);

/*
 * Whether somebody listens at a name in the path's directory, which is open: 0 nobody, else -errno
 * that says why it must be left alone. A socket that is being made has no listener either, so the
 * caller holds the directory's lock.
 */
int place_probe(const struct socket_path *path, int dir, const char *name);

#endif
