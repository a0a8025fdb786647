/* SPDX-License-Identifier: Apache-2.0 */
#include "check/asan_options.h"

#include <stdlib.h>
#include <string.h>

/* The default of the runtime. */
enum { ASAN_EXIT_CODE = 1 };

/* The text behind the last "name=" in a list of options; NULL if there is none. */
static const char *
asan_options_find(const char *list, const char *name)
{
    static const char separators[] = " ,:\t\n\r";
    const size_t n = strlen(name);
    const char *value = NULL;

    while (list != NULL && *list != '\0') {
        list += strspn(list, separators);
        if (strncmp(list, name, n) == 0 && list[n] == '=') {
            value = list + n + 1;
        }
        list += strcspn(list, separators);
    }
    return value != NULL && (*value == '\'' || *value == '"') ? value + 1 : value;
}

/* LSAN_OPTIONS are read last, so that they win. */
static const char *
asan_options_value(const char *name)
{
    const char *value = asan_options_find(secure_getenv("LSAN_OPTIONS"), name);

    return value != NULL ? value : asan_options_find(secure_getenv("ASAN_OPTIONS"), name);
}

/* Off is 0, no or false. */
bool
asan_options_want_leaks(void)
{
    const char *value = asan_options_value("detect_leaks");

    return value == NULL || strchr("0nf", *value) == NULL;
}

int
asan_options_exit_code(void)
{
    const char *value = asan_options_value("exitcode");

    return value != NULL && *value >= '0' && *value <= '9' ? atoi(value) : ASAN_EXIT_CODE;
}
