/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h: one exchange with one socket: from the connection to the document. No step waits.
 */
#ifndef MEMPOOLSTAT_ANSWER_H
#define MEMPOOLSTAT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "discover.h"
#include "proc.h"
#include "request.h"

struct document;
struct process;

enum answer_state {
    ANSWER_WAITING,    /* its turn has not come */
    ANSWER_CONNECTING, /* the server's queue is full, or it is to be asked again */
    ANSWER_TALKING,
    ANSWER_COMPLETE,
    ANSWER_GONE,   /* nobody listens there */
    ANSWER_LATE,   /* the deadline has passed */
    ANSWER_FAILED, /* anything else */
};

enum answer_halt {
    HALT_NONE,
    HALT_STOPPED, /* by a signal */
    HALT_TRACED,  /* by a debugger */
};

struct answer {
    const struct target *target;
    const struct request *request;
    enum answer_state state;
    struct process *process; /* who has answered, once that is complete; owned */
    char *reason;            /* why not, otherwise */
    uid_t uid;               /* who answers, once connected */
    gid_t gid;               /* likewise */
    pid_t pid;               /* likewise; 0 if it is outside our pid namespace */
    enum answer_halt halt;   /* why it is late */
    bool counted;            /* that it failed is not said: its user has many that did */
    bool vanished;           /* its socket has been removed since it was found */
    size_t n_memory;         /* what the document takes */
    size_t n_text;           /* how long it is, so far */
    /* The rest is answer.c's. */
    struct document *document;
    int fd;
    size_t n_sent;
    int64_t started_ns, deadline_ns;
    int64_t due_ns;   /* when something must be done without an event: the first of the deadline, */
    int64_t retry_ns; /* when to connect, and */
    int64_t look_ns;  /* when to see whether a debugger holds it still; INT64_MAX: not */
    int64_t pause_ns; /* between two tries to connect */
    struct proc_activity activity; /* when it was looked at */
    bool asked_again, prolonged;
};

/** Makes an answer that waits for its turn. */
struct answer answer_make(const struct target *target, const struct request *request);

/**
 * Begins an exchange that is to be over at end_ns. Returns 0, or EMFILE or ENFILE if there is no
 * descriptor to be had: then it waits still.
 */
int answer_start(struct answer *answer, int64_t end_ns);

bool answer_is_open(const struct answer *answer);

/** What to wait for: for poll(). */
short answer_events(const struct answer *answer);

/** Goes a step on after an event; reads at most as much as the buffer holds. */
void answer_step(struct answer *answer, char *buffer, size_t room);

/** Does what is due. */
void answer_tick(struct answer *answer, int64_t now_ns);

/** Ends an exchange, and frees what was read. Takes the reason over. */
void answer_end(struct answer *answer, enum answer_state state, char *reason);

void answer_free(struct answer *answer);

#endif
