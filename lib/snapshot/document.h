/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h: the document "osmempool/1", the contract between the library and its readers.
 *
 * Members are only ever added. The tests name every one of them, in order.
 */
#ifndef OSMP_SNAPSHOT_DOCUMENT_H
#define OSMP_SNAPSHOT_DOCUMENT_H

#include "snapshot/json.h"
#include "snapshot/snapshot.h"

/* Writes the first members of every document, of an object that was just opened: what schema it
 * has, and which process and which moment it is of. */
void document_write_head(struct json *json);

/* Writes the document of this process. */
void document_write(struct json *json, const struct snapshot *snapshot);

#endif
