/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h: what the walk through a pool has found.
 */
#ifndef MEMPOOLSTAT_CHECK_H
#define MEMPOOLSTAT_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum check_result {
    CHECK_SANE,
    CHECK_DAMAGED,
    CHECK_BUSY, /* another thread had the pool for too long */
};

struct check {
    const char *name; /* the document's, as what follows */
    enum check_result result;
    const char *what; /* is damaged, or NULL */
    int64_t block;    /* its index, or MODEL_ABSENT */
    uint64_t address; /* likewise */
    bool has_address;
};

/** Reads a check from JSON. Returns NULL, or what is wrong: a new string. */
char *check_read(const json_t *json, void *check);

#endif
