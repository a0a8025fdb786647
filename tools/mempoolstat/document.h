/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h: from JSON to the model. The document is the contract with the library, and whoever
 * serves it is not trusted: all that the model says about ranges is checked here.
 */
#ifndef MEMPOOLSTAT_DOCUMENT_H
#define MEMPOOLSTAT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

/* A document of 10,000 pools has some 3 MB. */
#define DOCUMENT_MAX_BYTES ((size_t)256 << 20)

/* What is about to be read. */
struct source {
    const char *origin; /* where it came from; copied */
    enum document_kind kind;
    bool or_array; /* an array of documents is allowed, too */
};

/**
 * Reads documents and shows them in the report.
 *
 * @param bytes   The text, of length bytes.
 * @param reason  On failure, what is wrong: a new string, to be freed.
 * @return  true on success. On failure the report is as it was.
 */
bool document_read(const char *bytes, size_t length, const struct source *source,
                   struct report *report, char **reason);

/** The name of the array that a kind of document has. */
const char *document_array(enum document_kind kind);

/** Whether the entry of that name is wanted. */
typedef bool name_fn(const char *name, const void *arg);

/** Drops the entries that are not wanted. */
void document_keep(struct process *process, name_fn *admits, const void *arg);

/** Adds those entries of another document of the same kind that are wanted. */
void
document_add(struct process *process, const struct process *more, name_fn *admits, const void *arg);

#endif
