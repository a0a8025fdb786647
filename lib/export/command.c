/* SPDX-License-Identifier: Apache-2.0 */
#include "export/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/document.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct command {
    const char *name;
    const char *argument; /* what its argument is called; NULL if it takes none */
    const char *help;     /* what it does, in a few words */
    /* Writes the answer, one JSON value, at once. The argument is "" if the command takes none. */
    void (*answer)(struct json *json, const char *argument);
    /* Or what is to be done first, with the pools that the argument names. */
    const struct task_kind *task;
    bool changes; /* pools, so it needs OSMEMPOOL_EXPORT_WRITE=1 */
};

static void command_help(struct json *json, const char *argument);
static void command_snapshot(struct json *json, const char *argument);

static const struct command commands[] = {
    {"snapshot", NULL, "the counters of every pool", command_snapshot, NULL, false},
    {"holders", "POOL-GLOB", "who has the blocks (OSMEMPOOL_DEBUG=track)", NULL, &task_holders,
     false},
    {"check", "POOL-GLOB", "what is damaged; stops a pool while it looks", NULL, &task_check,
     false},
    {"reset-min", "POOL-GLOB", "starts low-water marks again (OSMEMPOOL_EXPORT_WRITE=1)", NULL,
     &task_reset_min, true},
    {"help", NULL, "this list", command_help, NULL, false},
};

static bool command_may_change;

void
command_read_environment(void)
{
    const char *value = secure_getenv("OSMEMPOOL_EXPORT_WRITE");

    command_may_change = value != NULL && strcmp(value, "1") == 0;
}

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

/* What is wrong with a command and its argument; NULL if nothing. */
static const char *
command_objection(const struct command *command, const char *argument)
{
    if (command == NULL) {
        return "unknown command; send help for a list";
    }
    if (command->argument == NULL && *argument != '\0') {
        return "this command takes no argument; send help for a list";
    }
    if (command->argument != NULL && *argument == '\0') {
        return "this command needs an argument; send help for a list";
    }
    if (command->changes && !command_may_change) {
        return "not allowed; start the program with OSMEMPOOL_EXPORT_WRITE=1";
    }
    return NULL;
}

/* Answers, or returns the task that must be done first. */
static struct task *
command_run(struct json *json, char *line)
{
    const char *argument = command_split(line);
    const struct command *command = command_find(line);
    const char *objection = command_objection(command, argument);
    struct task *task = NULL;

    if (objection != NULL) {
        command_error(json, objection);
    } else if (command->answer != NULL) {
        command->answer(json, argument);
    } else {
        task = task_begin(command->task, argument);
        if (task == NULL) {
            command_error(json, "out of memory");
        }
    }
    return task;
}

char *
command_answer(char *line, size_t n, size_t *answer_bytes, struct task **task)
{
    struct json json = {0};

    *task = NULL;
    if (n > COMMAND_LINE_MAX) {
        command_error(&json, "the line is longer than 256 bytes; send help for a list");
    } else if (!command_is_text(line, n)) {
        command_error(&json, "the line is no text; send help for a list");
    } else {
        line[n] = '\0';
        *task = command_run(&json, line);
    }
    return *task == NULL ? json_take(&json, answer_bytes) : NULL;
}

char *
command_finish(struct task *task, size_t *answer_bytes)
{
    struct json json = {0};

    task_write(&json, task);
    task_end(task);
    return json_take(&json, answer_bytes);
}
