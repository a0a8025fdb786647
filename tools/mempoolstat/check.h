/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h: what the walk through a pool has found.
 */
#ifndef MEMPOOLSTAT_CHECK_H
#define MEMPOOLSTAT_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "fields.h"

enum check_result {
    CHECK_SANE,
    CHECK_DAMAGED,
    CHECK_BUSY, /* another thread had the pool for too long */
};

struct check {
    const char *name;
    int result;       /* an enum check_result */
    const char *what; /* is damaged, or NULL */
    int64_t block;    /* its index, or MODEL_ABSENT */
    uint64_t address; /* likewise */
    bool has_address;
    struct span text;
};

/** How it is read. */
extern const struct record check_record;

#endif
