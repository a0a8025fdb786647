/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stddef.h>
#include <string.h>

#include "alloc.h"
#include "fields.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct string_rule check_strings[] = {
    {"name", offsetof(struct check, name), true},
    {"what", offsetof(struct check, what), false},
};

static const struct integer_rule check_integers[] = {
    {"block", offsetof(struct check, block), 0, UINT32_MAX, false},
};

static const char *const check_results[] = {
    [CHECK_SANE] = "sane",
    [CHECK_DAMAGED] = "damaged",
    [CHECK_BUSY] = "busy",
};

static char *
result_read(const json_t *json, struct check *check)
{
    const char *text = json_string_value(json_object_get(json, "result"));

    for (size_t i = 0; text != NULL && i < COUNT_OF(check_results); i++) {
        if (strcmp(text, check_results[i]) == 0) {
            check->result = (enum check_result)i;
            return NULL;
        }
    }
    return alloc_copy("'result' is none of sane, damaged, busy");
}

char *
check_read(const json_t *json, void *entry)
{
    struct check *check = entry;
    char *reason = fields_read_strings(json, check_strings, COUNT_OF(check_strings), check);

    if (reason == NULL) {
        reason = fields_read_integers(json, check_integers, COUNT_OF(check_integers), check);
    }
    if (reason == NULL) {
        reason = fields_read_address(json, "address", &check->address, &check->has_address);
    }
    return reason != NULL ? reason : result_read(json, check);
}
