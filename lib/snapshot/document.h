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

/* Writes the document of this process. */
void document_write(struct json *json, const struct snapshot *snapshot);

#endif
