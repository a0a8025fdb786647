/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep.h: sockets that dead processes have left are removed by the next start in their directory.
 *
 * A process that is killed, or leaves by _exit(), cannot remove its socket. Removed are sockets of
 * this user's at which nobody listens, whose names the library makes of a process's number, if no
 * such process lives: PID.sock in a directory of default paths, and PATH.PID beside a path.
 */
#ifndef OSMP_EXPORT_SWEEP_H
#define OSMP_EXPORT_SWEEP_H

#include "export/path.h"

/* How many sockets one start removes, how many names it looks at for that, and how long. */
enum { SWEEP_SOCKETS_MAX = 64, SWEEP_NAMES_MAX = 4096, SWEEP_MS_MAX = 100 };

/* Removes some beside a socket that this process has made. Waits for nobody. */
void sweep_dead(const struct socket_path *path);

#endif
