/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stddef.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const check_results[] = {
    [CHECK_SANE] = "sane",
    [CHECK_DAMAGED] = "damaged",
    [CHECK_BUSY] = "busy",
    NULL,
};

static const struct field check_fields[] = {
    {.key = "name", .type = FIELD_STRING, .required = true, .offset = offsetof(struct check, name)},
    {.key = "result",
     .type = FIELD_WORD,
     .required = true,
     .offset = offsetof(struct check, result),
     .words = check_results},
    {.key = "what", .type = FIELD_STRING, .offset = offsetof(struct check, what)},
    {.key = "block",
     .type = FIELD_INTEGER,
     .offset = offsetof(struct check, block),
     .max = UINT32_MAX},
    {.key = "address",
     .type = FIELD_ADDRESS,
     .offset = offsetof(struct check, address),
     .known = offsetof(struct check, has_address)},
};

const struct record check_record = {
    .noun = "check",
    .n_bytes = sizeof(struct check),
    .fields = check_fields,
    .n_fields = COUNT_OF(check_fields),
    .text = offsetof(struct check, text),
};
