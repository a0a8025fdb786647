/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h: the line that a process is sent: what it is asked for, and about which pools.
 */
#ifndef MEMPOOLSTAT_REQUEST_H
#define MEMPOOLSTAT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* What a document is about: each kind is what one request of the protocol is answered with. */
enum document_kind {
    DOCUMENT_POOLS,
    DOCUMENT_HOLDERS,
    DOCUMENT_CHECKS,
    DOCUMENT_RESET, /* pools of which only the name and the new min_free are known */
};

struct request {
    enum document_kind kind; /* of the answer */
    bool keeps_text;         /* the answer is to be printed as it was served */
    char *line;
    size_t n_bytes;
};

/** A request about the pools that match a glob. DOCUMENT_POOLS is always about all. */
struct request request_make(enum document_kind kind, const char *glob);

/** Whether a process can be asked about such pools: a line has room for text of some length. */
bool request_can_hold(const char *glob);

/** A glob, to be freed, that matches a name, and hardly any other. */
char *request_glob_of(const char *name);

void request_free(struct request *request);

#endif
