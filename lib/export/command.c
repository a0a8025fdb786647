/* SPDX-License-Identifier: Apache-2.0 */
#include "export/command.h"

#include <stdbool.h>
#include <string.h>

#include "snapshot/document.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void command_help(struct json *json, const char *argument);
static void command_snapshot(struct json *json, const char *argument);

static const struct command commands[] = {
    {"snapshot", NULL, "the counters of every pool", command_snapshot},
    {"help", NULL, "this list", command_help},
};

static void
command_error(struct json *json, const char *text)
{
    json_open(json, '{');
    json_key_string(json, "error", text);
    json_close(json, '}');
}

static void
command_snapshot(struct json *json, const char *argument)
{
    struct snapshot snapshot;

    if (snapshot_take(&snapshot) < 0) {
        command_error(json, "out of memory");
        return;
    }
    document_write(json, &snapshot);
    snapshot_free(&snapshot);
}

static void
command_help(struct json *json, const char *argument)
{
    size_t i;

    json_open(json, '{');
    json_key(json, "commands");
    json_open(json, '[');
    for (i = 0; i < COUNT_OF(commands); i++) {
        json_open(json, '{');
        json_key_string(json, "name", commands[i].name);
        if (commands[i].argument != NULL) {
            json_key_string(json, "argument", commands[i].argument);
        }
        json_key_string(json, "help", commands[i].help);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static bool
command_is_text(const char *line, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static const struct command *
command_find(const char *name)
{
    size_t i;

    for (i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/* The word behind the command's name, which is cut off from it. */
static char *
command_split(char *line)
{
    char *argument = line + strcspn(line, " ");

    if (*argument != '\0') {
        *argument++ = '\0';
        argument += strspn(argument, " ");
    }
    return argument;
}

static void
command_run(struct json *json, char *line)
{
    const char *argument = command_split(line);
    const struct command *command = command_find(line);

    if (command == NULL) {
        command_error(json, "unknown command; send help for a list");
    } else if (command->argument == NULL && *argument != '\0') {
        command_error(json, "this command takes no argument; send help for a list");
    } else if (command->argument != NULL && *argument == '\0') {
        command_error(json, "this command needs an argument; send help for a list");
    } else {
        command->answer(json, argument);
    }
}

char *
command_answer(char *line, size_t n, size_t *answer_bytes)
{
    struct json json = {0};

    if (n > COMMAND_LINE_MAX) {
        command_error(&json, "the line is longer than 256 bytes; send help for a list");
    } else if (!command_is_text(line, n)) {
        command_error(&json, "the line is no text; send help for a list");
    } else {
        line[n] = '\0';
        command_run(&json, line);
    }
    return json_take(&json, answer_bytes);
}
