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

/**
 * Reads documents and shows them in the report.
 *
 * @param bytes     The text, of length bytes.
 * @param origin    Where it came from; copied.
 * @param or_array  Whether an array of documents is allowed too.
 * @param reason    On failure, what is wrong: a new string, to be freed.
 * @return  true on success. On failure the report is as it was.
 */
bool document_read(const char *bytes, size_t length, const char *origin, bool or_array,
                   struct report *report, char **reason);

#endif
