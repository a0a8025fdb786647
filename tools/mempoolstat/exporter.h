/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exporter.h: which of the sockets of a process is the exporter's. A process may listen for other
 * things, and must not be kept busy by a question that its other services do not understand.
 */
#ifndef MEMPOOLSTAT_EXPORTER_H
#define MEMPOOLSTAT_EXPORTER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * The path of the exporter's socket, as we see it, if there is proof: the process has the thread
 * that exports, and the kernel's table shows that it listens either where its environment lets it
 * export, or nowhere else.
 *
 * @param n_sockets  At how many sockets it listens, if it exports at all; 0 otherwise.
 * @param end_ns     When to give up.
 * @return  A new string, to be freed, or NULL.
 */
char *exporter_find(pid_t pid, size_t *n_sockets, int64_t end_ns);

#endif
