/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holders.h: who holds the blocks of a pool, by the place in the program that got them.
 */
#ifndef OSMP_SNAPSHOT_HOLDERS_H
#define OSMP_SNAPSHOT_HOLDERS_H

#include "registry/visit.h"
#include "snapshot/json.h"

/* Writes the members of a pool's row. The order of the gets changes. */
void holders_write(struct json *json, const struct visit_holders *holders);

#endif
