/* SPDX-License-Identifier: Apache-2.0 */
#include "check/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rules.h"
#include "base/text.h"

static struct rules words_rules;

static const struct {
    const char *name;
    uint32_t word;
} words_all[] = {
    {"check", WORD_CHECK}, {"poison", WORD_POISON}, {"track", WORD_TRACK},
    {"fence", WORD_FENCE}, {"fail", WORD_FAIL},
};

enum { WORDS_N = sizeof(words_all) / sizeof(words_all[0]) };

static const char words_fail[] = "fail=";

/* N of "fail=N"; 0 if the text is no such thing. */
static uint32_t
words_parse_fail(const char *text)
{
    const size_t n = sizeof(words_fail) - 1;
    unsigned long long every;
    char *end;

    if (strncmp(text, words_fail, n) != 0 || text[n] < '0' || text[n] > '9') {
        return 0;
    }
    every = strtoull(text + n, &end, 10);
    return *end == '\0' && every <= UINT32_MAX ? (uint32_t)every : 0;
}

/* Adds a word to a rule; false if it is none. */
static bool
words_add(struct rule *rule, const char *text)
{
    uint32_t every = words_parse_fail(text);

    if (every > 0) {
        rule->value |= WORD_FAIL;
        rule->number = every;
        return true;
    }
    for (size_t i = 0; i < WORDS_N; i++) {
        if (words_all[i].word != WORD_FAIL && strcmp(words_all[i].name, text) == 0) {
            rule->value |= words_all[i].word;
            return true;
        }
    }
    return false;
}

static void
words_complain(const char *word)
{
    struct text text = {0};

    text_add(&text, "osmempool: OSMEMPOOL_DEBUG: '");
    text_add_escaped(&text, word);
    text_add(&text, "' is none of check, poison, track, fence, fail=N; ignored\n");
    text_write(&text);
}

static bool
words_parse(struct rule *rule, char *what)
{
    char *text;

    rule->value = 0;
    while ((text = strsep(&what, ",")) != NULL) {
        if (text[0] != '\0' && !words_add(rule, text)) {
            words_complain(text);
        }
    }
    return rule->value != 0;
}

uint32_t
words_of(const char *name, uint32_t *fail_every)
{
    const struct rule *rule = rules_find(&words_rules, "OSMEMPOOL_DEBUG", words_parse, name);

    *fail_every = rule != NULL ? rule->number : 0;
    return rule != NULL ? rule->value : 0;
}

void
words_text(char *text, uint32_t words, uint32_t fail_every)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < WORDS_N; i++) {
        if ((words & words_all[i].word) != 0) {
            used += (size_t)snprintf(text + used, WORDS_TEXT_MAX - used, "%s%s",
                                     used > 0 ? "," : "", words_all[i].name);
        }
    }
    if ((words & WORD_FAIL) != 0) {
        snprintf(text + used, WORDS_TEXT_MAX - used, "=%u", fail_every);
    }
}
