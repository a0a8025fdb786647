/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h: asks many processes at once. None can hold the others up: each has its own deadline,
 * from its connection to the end of its answer.
 */
#ifndef MEMPOOLSTAT_CLIENT_H
#define MEMPOOLSTAT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "discover.h"

enum answer_state {
    ANSWER_WAITING,    /* its turn has not come */
    ANSWER_CONNECTING, /* the server's queue is full: tried again and again */
    ANSWER_TALKING,
    ANSWER_COMPLETE,
    ANSWER_GONE,   /* nobody listens there */
    ANSWER_LATE,   /* the deadline has passed */
    ANSWER_FAILED, /* anything else */
};

struct answer {
    const struct target *target;
    enum answer_state state;
    char *bytes; /* what was served */
    size_t n_bytes, room;
    char *reason; /* why not, unless complete */
    uid_t uid;    /* who answers, once connected */
    pid_t pid;    /* likewise; 0 if it is outside our pid namespace */
    bool stopped; /* why it is late */
    int fd;
    size_t n_sent;
    int64_t deadline_ns;
};

/** Asks each target for a snapshot. Fills one answer for each, in the same order. */
void client_ask(const struct target_list *targets, struct answer *answers);

void answer_free(struct answer *answer);

#endif
