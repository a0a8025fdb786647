/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discover.h: where the sockets are. Nothing here connects; a socket that is found may be stale.
 *
 * Only what is an exporter's by all evidence becomes a target: PID.sock in a directory that is
 * searched, or what exporter.h finds. The directories belong to users, so there is a limit to what
 * is looked at, and an end to the time.
 */
#ifndef MEMPOOLSTAT_DISCOVER_H
#define MEMPOOLSTAT_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target {
    char *path;
    dev_t device; /* with inode: each socket is asked once, by whatever path it is found */
    ino_t inode;
    bool exists;  /* there is a file at the path: */
    uid_t owner;  /* whose it is */
    time_t made;  /* when it was made */
    bool named;   /* by the user: that it is gone is an error */
    bool by_path; /* and by its path: links are followed, and whoever answers is believed */
    bool guarded; /* only a process of ours or of root may answer there */
    pid_t pid;    /* only this process may answer; 0: any */
    bool guess;   /* found by what the process does, not by a name that says so */
};

/* How many sockets of a user there are. */
struct holder {
    uid_t user;
    size_t n;
};

struct target_list {
    struct target *targets;
    size_t n_targets;
    struct holder *holders;
    size_t n_holders;
    char *searched;       /* the directories, for a message; NULL as long as there is none */
    size_t n_passed_over; /* sockets beyond the limits */
    bool cut;             /* there was no time, or no end of entries, to look at the rest */
    int64_t end_ns;
};

/**
 * Adds every socket of the default directories, for root those of users and containers, and those
 * that processes export at elsewhere. OSMEMPOOL_DIR, if set, is searched alone.
 */
void discover_all(struct target_list *list);

/** Adds the socket of one process. */
void discover_pid(struct target_list *list, pid_t pid);

/** Adds a socket that the user has named, whatever is there. */
void discover_path(struct target_list *list, const char *path);

void discover_free(struct target_list *list);

#endif
