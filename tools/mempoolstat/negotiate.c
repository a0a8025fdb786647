/* SPDX-License-Identifier: Apache-2.0 */
#include "negotiate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"

/* How much each form is wanted, from 0 to 1000, and by how exact a range that was said. */
struct wishes {
    int openmetrics, text;
    int text_exactness; /* 0: nothing said; 1: any; 2: text of any kind; 3: text/plain */
};

/* Takes the blanks off both ends. */
static char *
trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && (end[-1] == ' ' || end[-1] == '\t')) {
        *--end = '\0';
    }
    return text + strspn(text, " \t");
}

/* A quality: "1", "0.5", up to three decimals; in thousandths. */
static int
quality_read(const char *text)
{
    int quality = text[0] == '1' ? 1000 : 0, unit = 100;

    if (text[0] == '\0' || text[1] != '.') {
        return quality;
    }
    for (text += 2; *text >= '0' && *text <= '9' && unit > 0; text++, unit /= 10) {
        quality += (*text - '0') * unit;
    }
    return quality < 1000 ? quality : 1000;
}

/* One range with its parameters: "text/plain;version=0.0.4;q=0.5". Changes the text. */
static void
wishes_add(struct wishes *wishes, char *range)
{
    static const char *const texts[] = {"", "*/*", "text/*", "text/plain"};
    char *rest = range, *type = trim(strsep(&rest, ";"));
    int quality = 1000;
    bool ours = true;

    while (rest != NULL) {
        char *parameter = trim(strsep(&rest, ";"));

        if (strncasecmp(parameter, "q=", 2) == 0) {
            quality = quality_read(parameter + 2);
        } else if (strncasecmp(parameter, "version=", 8) == 0) {
            ours = strcmp(parameter + 8, "1.0.0") == 0;
        }
    }
    if (strcasecmp(type, "application/openmetrics-text") == 0 && ours &&
        quality > wishes->openmetrics) {
        wishes->openmetrics = quality;
    }
    for (int i = 1; i <= 3; i++) {
        if (strcasecmp(type, texts[i]) == 0 && i >= wishes->text_exactness) {
            wishes->text = quality;
            wishes->text_exactness = i;
        }
    }
}

enum metrics_form
negotiate_form(const char *accept)
{
    struct wishes wishes = {0};
    char *copy = alloc_copy(accept != NULL ? accept : ""), *rest = copy;

    while (rest != NULL) {
        wishes_add(&wishes, strsep(&rest, ","));
    }
    free(copy);
    return wishes.openmetrics > 0 && wishes.openmetrics >= wishes.text ? METRICS_OPENMETRICS
                                                                       : METRICS_TEXT;
}
