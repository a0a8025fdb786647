/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h: from JSON to the model, as it arrives. The document is the contract with the library,
 * and whoever serves it is not trusted: all that the model says about ranges is checked here.
 */
#ifndef MEMPOOLSTAT_DOCUMENT_H
#define MEMPOOLSTAT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

/* What is about to be read. */
struct source {
    const char *origin; /* where it came from; copied */
    enum document_kind kind;
    bool or_array;    /* an array of documents is allowed, too */
    bool keeps_text;  /* to be printed as it was served */
    size_t max_bytes; /* of text */
};

struct document;

struct document *document_begin(const struct source *source);

/** Takes more text. Returns false if it cannot be a document. */
bool document_feed(struct document *document, const char *bytes, size_t n);

/** Shows what was read in a report. Returns false if it is no document: then nothing of it is. */
bool document_finish(struct document *document, struct report *report);

/** What is wrong, once something is. */
const char *document_reason(const struct document *document);

/** Whether only its end is missing. */
bool document_is_cut(const struct document *document);

/** The memory that it takes, as far as it was read, until it is printed. */
size_t document_memory(const struct document *document);

/** NULL is allowed. */
void document_free(struct document *document);

/** The name of the array that a kind of document has. */
const char *document_array(enum document_kind kind);

/** Whether the entry of that name is wanted. */
typedef bool name_fn(const char *name, const void *arg);

/** Drops the entries that are not wanted. */
void document_keep(struct process *process, name_fn *admits, const void *arg);

/** Moves those entries of another document of the same kind that are wanted to the end. */
void document_add(struct process *process, struct process *more, name_fn *admits, const void *arg);

/** What the document says of an entry. */
struct span document_entry_text(const struct process *process, size_t i);

#endif
