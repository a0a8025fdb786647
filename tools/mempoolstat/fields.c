/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "model.h"

char *
fields_read_integers(const json_t *object, const struct integer_rule *rules, size_t n, void *into)
{
    for (size_t i = 0; i < n; i++) {
        const struct integer_rule *rule = &rules[i];
        const json_t *json = json_object_get(object, rule->key);
        int64_t value = MODEL_ABSENT;

        if (json == NULL && rule->required) {
            return alloc_format("'%s' is missing", rule->key);
        }
        if (json != NULL) {
            value = json_integer_value(json);
            if (!json_is_integer(json)) {
                return alloc_format("'%s' is not an integer", rule->key);
            }
            if (value < rule->min || value > rule->max) {
                return alloc_format("'%s' is %" JSON_INTEGER_FORMAT ", which cannot be", rule->key,
                                    json_integer_value(json));
            }
        }
        memcpy((char *)into + rule->offset, &value, sizeof(value));
    }
    return NULL;
}

char *
fields_read_strings(const json_t *object, const struct string_rule *rules, size_t n, void *into)
{
    for (size_t i = 0; i < n; i++) {
        const struct string_rule *rule = &rules[i];
        const json_t *json = json_object_get(object, rule->key);
        const char *value = json_string_value(json);

        if (json == NULL && rule->required) {
            return alloc_format("'%s' is missing", rule->key);
        }
        if (json != NULL && value == NULL) {
            return alloc_format("'%s' is not a string", rule->key);
        }
        if (value != NULL && json_string_length(json) > FIELDS_MAX_STRING) {
            return alloc_format("'%s' has more than %d bytes", rule->key, FIELDS_MAX_STRING);
        }
        memcpy((char *)into + rule->offset, &value, sizeof(value));
    }
    return NULL;
}

char *
fields_read_flag(const json_t *object, const char *key, bool *flag)
{
    const json_t *json = json_object_get(object, key);

    if (json != NULL && !json_is_boolean(json)) {
        return alloc_format("'%s' is neither true nor false", key);
    }
    *flag = json != NULL ? json_is_true(json) : *flag;
    return NULL;
}

char *
fields_read_address(const json_t *object, const char *key, uint64_t *address, bool *known)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const json_t *json = json_object_get(object, key);
    const char *text = json_string_value(json);
    size_t length = text != NULL ? strlen(text) : 0;

    *known = json != NULL;
    if (json == NULL) {
        return NULL;
    }
    if (length < 3 || length > 18 || strncmp(text, "0x", 2) != 0 ||
        text[2 + strspn(text + 2, digits)] != '\0') {
        return alloc_format("'%s' is not an address like \"0x1f\"", key);
    }
    *address = strtoull(text, NULL, 16);
    return NULL;
}

/* Says which entry a reason is about, and takes it over; NULL stays NULL. */
static char *
reason_locate(const char *noun, size_t i, char *reason)
{
    char *located;

    if (reason == NULL) {
        return NULL;
    }
    located = alloc_format("%s %zu: %s", noun, i, reason);
    free(reason);
    return located;
}

char *
fields_read_entries(const json_t *object, const struct entry_rule *rule, void *into)
{
    const json_t *array = json_object_get(object, rule->key);
    size_t n = json_array_size(array);
    char *entries, *reason = NULL;

    if (array == NULL && rule->required) {
        return alloc_format("'%s' is missing", rule->key);
    }
    if (array != NULL && !json_is_array(array)) {
        return alloc_format("'%s' is not an array", rule->key);
    }
    entries = alloc_array(NULL, n, rule->entry_bytes);
    memset(entries, 0, n * rule->entry_bytes);
    memcpy((char *)into + rule->entries, &entries, sizeof(entries));
    memcpy((char *)into + rule->n_entries, &n, sizeof(n));
    for (size_t i = 0; i < n && reason == NULL; i++) {
        const json_t *entry = json_array_get(array, i);

        reason = json_is_object(entry) ? rule->read(entry, entries + i * rule->entry_bytes)
                                       : alloc_copy("not an object");
        reason = reason_locate(rule->noun, i, reason);
    }
    return reason;
}
