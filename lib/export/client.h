/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h: one connection: reads a line, does what it says, sends the answer, is closed.
 *
 * Nothing here waits. A client has two seconds in all, so that one that sends or reads nothing
 * costs a place for that long and no more.
 */
#ifndef OSMP_EXPORT_CLIENT_H
#define OSMP_EXPORT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/command.h"
#include "export/fd.h"

enum {
    CLIENT_DEADLINE_MS = 2000,
    /* Without progress for so long, or after that time in all, a client gives its place to a
     * newcomer if all are taken. */
    CLIENT_PATIENCE_MS = 200,
    CLIENT_TURN_MS = 1000,
    /* A line, its end of up to two bytes, and one to tell that it is too long. */
    CLIENT_LINE_ROOM = COMMAND_LINE_MAX + 3,
};

struct client {
    struct owned_fd connection; /* none: this place is free */
    uint64_t opened_ms;
    uint64_t progress_ms; /* when it was opened, last had sent, taken or been worked for */
    struct task *task;    /* to be done before the answer is there; NULL for none */
    uint64_t task_until_ms;
    size_t line_bytes;
    const char *answer; /* NULL until the line is there */
    size_t answer_bytes;
    size_t sent_bytes;
    size_t dropped_bytes; /* read after the line and not looked at */
    char *answer_memory;  /* what to free of the answer */
    char line[CLIENT_LINE_ROOM];
};

/* Whether the user at the other end of a connection may ask: our own and root may. */
bool client_is_admitted(const struct owned_fd *connection);

/* Takes a connection over. */
void client_open(struct client *client, struct owned_fd *connection, uint64_t now_ms);

static inline bool
client_is_there(const struct client *client)
{
    return client->connection.fd >= 0;
}

/* When it must be done, and when it gives its place to a newcomer. */
uint64_t client_deadline_ms(const struct client *client);
uint64_t client_yields_ms(const struct client *client);

/* Reads and sends what can be without waiting. False when there is no more to do. */
bool client_go_on(struct client *client, uint64_t now_ms);

/* Whether a task is being done for it: client_go_on() is to be called again soon, without poll().
 */
bool client_is_working(const struct client *client);

/* Whether it has yet to send its line. */
bool client_is_awaited(const struct client *client);

/* The memory that its answer takes. */
size_t client_bytes(const struct client *client);

/* What poll() shall wait for. */
short client_events(const struct client *client);

/* Frees what is kept for it, also what a forked child finds of its parent's. */
void client_forget(struct client *client);

/* Closes the connection; the place is free. */
void client_close(struct client *client);

#endif
