/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h: what /proc tells of a process that does not tell it itself.
 */
#ifndef MEMPOOLSTAT_PROC_H
#define MEMPOOLSTAT_PROC_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/**
 * The directory of /proc that tells of a process as a whole: the main thread's, or, where that has
 * ended before the others and has neither root nor descriptors, that of a thread which lives. To be
 * freed.
 */
char *proc_directory(pid_t pid);

/** The path of an entry of that directory. To be freed. */
char *proc_path(pid_t pid, const char *entry);

/** Its state as in /proc/PID/stat: T stopped by a signal, t by a debugger; 0 if it is not there. */
char proc_state(pid_t pid);

/** Whether a process of that user has been running since that second, or longer. */
bool proc_is_since(pid_t pid, uid_t user, time_t second);

/** The name of the program, or NULL. To be freed. */
char *proc_program(pid_t pid);

/** The number that a default path bears; 0 for another, and for one seen through /proc/PID/root. */
pid_t proc_pid_of_path(const char *path);

#endif
