/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h: what /proc tells of a process that does not tell it itself.
 */
#ifndef MEMPOOLSTAT_PROC_H
#define MEMPOOLSTAT_PROC_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* The name of the thread that exports. */
#define PROC_EXPORTER "osmempool"

/**
 * The directory of /proc that tells of a process as a whole: the main thread's, or, where that has
 * ended before the others and has neither root nor descriptors, that of a thread which lives. To be
 * freed.
 */
char *proc_directory(pid_t pid);

/** The path of an entry of that directory. To be freed. */
char *proc_path(pid_t pid, const char *entry);

/** The state as in /proc/PID/stat: T stopped by a signal, t by a debugger; 0 if it is not there. */
char proc_state(pid_t pid);

/* What the exporting thread of a process does, or its first thread if there is none. */
struct proc_activity {
    char state;
    unsigned long long switches; /* how often it has given its processor away */
};

struct proc_activity proc_activity(pid_t pid);

/** Who traces a process; 0: nobody. */
pid_t proc_tracer(pid_t pid);

/** Whether a process, by our counting, has a number in a pid namespace, its own or one around. */
bool proc_has_number(pid_t pid, long long number);

/** The number that a process has for itself; by our counting if that is not known. */
long proc_own_number(pid_t pid);

/** The effective user of a process; -1 if there is none. */
uid_t proc_user(pid_t pid);

/** Whether a process sees the mounts that we see. */
bool proc_shares_mounts(pid_t pid);

/** Whether there is a process that can still answer: one that is ending cannot. */
bool proc_is_alive(pid_t pid);

/** Whether it has the thread that exports, looking at no more than some thousand. */
bool proc_exports(pid_t pid);

/** Whether a process of that user has been running since that second, or longer. */
bool proc_is_since(pid_t pid, uid_t user, time_t second);

/** The name of the program, or NULL. To be freed. */
char *proc_program(pid_t pid);

/** The number in the name N.sock; 0 for another name. */
pid_t proc_pid_of_name(const char *name);

/** That of a default path; 0 for another, and for one seen through /proc/PID/root. */
pid_t proc_pid_of_path(const char *path);

#endif
