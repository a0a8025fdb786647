/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collector.h: a thread that asks the processes, so that a stopped one holds up no key.
 *
 * One thread, the owner, calls all of this. Its counterpart reads the options, which must not
 * change while it works, and marks the globs that match.
 */
#ifndef MEMPOOLSTAT_COLLECTOR_H
#define MEMPOOLSTAT_COLLECTOR_H

#include "collect.h"
#include "options.h"

/* The pool whose holders are wanted, too. */
struct wish {
    char *path; /* of the socket; NULL: none is wanted */
    char *name;
    int64_t id;    /* of its registration, or MODEL_ABSENT */
    size_t number; /* where no id is told: of those that have that name */
    pid_t pid;     /* of the process, which alone is asked; 0: not known */
};

/* What a round of questions has brought. */
struct findings {
    struct collection collection;
    struct process *holders; /* one holding, of the pool that was wished for; or NULL */
    char *reason;            /* why not, if one was */
};

/** Starts the thread. Returns false after a message. */
bool collector_start(const struct options *options);

/** Readable when findings are ready. */
int collector_fd(void);

/** Starts a round; takes over what the wish has. None may be going on. */
void collector_ask(struct wish wish);

/** Whether a round is going on, or its findings have not been taken. */
bool collector_is_busy(void);

/** Takes what the last round has found. Returns false if it goes on. */
bool collector_take(struct findings *findings);

/** Ends the thread. Returns false if it cannot be waited for, and all that it uses must stay. */
bool collector_stop(void);

#endif
