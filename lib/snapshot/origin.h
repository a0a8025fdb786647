/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin.h: call sites and registrations, as documents tell of them.
 */
#ifndef OSMP_SNAPSHOT_ORIGIN_H
#define OSMP_SNAPSHOT_ORIGIN_H

#include "registry/identity.h"
#include "snapshot/json.h"

enum { ORIGINS_KNOWN_LOG = 6 };

/*
 * Where a document tells of a call site already: thousands of pools come from a few, and to look
 * one up may take the loader some time. All bytes 0: nowhere yet.
 */
struct origins {
    struct origin {
        uintptr_t caller;
        size_t begin; /* of the text in the document */
        size_t n;
    } known[1 << ORIGINS_KNOWN_LOG];
};

/* The members that tell of a call site, given the address that the call returns to. */
void origin_write(struct json *json, uintptr_t caller);

/* The members that tell which registration a pool is, and when and where it was made. */
void
origin_write_identity(struct json *json, struct origins *origins, const struct identity *identity);

#endif
