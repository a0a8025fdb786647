/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discover.h: where the sockets are. Nothing here connects; a socket that is found may be stale.
 */
#ifndef MEMPOOLSTAT_DISCOVER_H
#define MEMPOOLSTAT_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct target {
    char *path;
    dev_t device; /* with inode: each socket is asked once, by whatever path it is found */
    ino_t inode;
    bool exists;  /* there is a file at the path: */
    uid_t owner;  /* whose it is */
    time_t made;  /* when it was made */
    bool named;   /* by the user: that it is gone is an error */
    bool guarded; /* only a process of ours or of root may answer there */
    pid_t pid;    /* that the user has named; 0: none */
    bool guess;   /* asked only if that process is the one that listens */
};

struct target_list {
    struct target *targets;
    size_t n_targets;
    char *searched; /* the directories, for a message; NULL as long as there is none */
};

/**
 * Adds every socket of the default directories, for root those of users and containers, and those
 * that processes of ours export at elsewhere. OSMEMPOOL_DIR, if set, is searched alone.
 */
void discover_all(struct target_list *list);

/** Adds the socket, or the sockets that could be those, of one process. */
void discover_pid(struct target_list *list, pid_t pid);

/** Adds a socket that the user has named, whatever is there. */
void discover_path(struct target_list *list, const char *path);

void discover_free(struct target_list *list);

#endif
