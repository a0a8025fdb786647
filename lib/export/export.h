/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export.h: the process's one exporter: off, or on at a path.
 *
 * osmempool_export_start() and osmempool_export_stop() are here, the end at a normal exit, and what
 * a fork does to it. autostart.c starts it by the environment.
 *
 * Synchronization: one mutex makes start and stop take turns.
 */
#ifndef OSMP_EXPORT_EXPORT_H
#define OSMP_EXPORT_EXPORT_H

#include "export/path.h"

/* Starts at a path. Returns 0, -EBUSY if it runs already, or another -errno. */
int export_start_at(const struct socket_path *path);

#endif
