/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h: small files of /proc.
 *
 * Synchronization: any thread.
 */
#ifndef OSMP_BASE_PROC_H
#define OSMP_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>

/* Reads a file as a text, cut off where there is no more room; false, and an empty text, if there
 * is nothing to read. Allocates no memory. */
bool proc_read(const char *path, char *text, size_t room);

/*
 * The directory to look into for what belongs to the process as a whole: its program, descriptors,
 * mappings. /proc/self is the main thread's, which has none of these once it has ended by
 * pthread_exit(); then it is that of the calling thread.
 */
const char *proc_self(void);

#endif
