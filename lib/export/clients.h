/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clients.h: the connections of the server, in 64 places: who comes in, who has to leave.
 *
 * No client shuts out another. If all places are taken, the oldest of those that have stalled, or
 * have been there for a second, leaves for a newcomer. If the answers take too much memory, nobody
 * else is answered before those that stall have left.
 *
 * Synchronization: all of it is the server's thread's own, but for the descriptors: fd.h.
 */
#ifndef OSMP_EXPORT_CLIENTS_H
#define OSMP_EXPORT_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/client.h"

enum {
    CLIENTS_MAX = 64,
    /* What answers that are not sent yet may take in all; one alone may take more. */
    CLIENTS_ANSWER_BYTES = 64 * 1024 * 1024,
};

struct clients {
    struct client places[CLIENTS_MAX];
    uint64_t worked_ms;  /* when a client's task was last gone on with */
    size_t worked_place; /* and whose */
};

/* All places are free. Frees what a forked child finds of its parent's clients. */
void clients_begin(struct clients *clients);

/* Whether there is a place for a newcomer. */
bool clients_have_place(struct clients *clients, uint64_t now_ms);

/* Takes a newcomer's connection over, for which there is a place, and serves it. */
void clients_admit(struct clients *clients, struct owned_fd *connection, uint64_t now_ms);

/* Reads and sends what can be for one client; drops it if there is no more to do. */
void clients_serve(struct clients *clients, struct client *client, uint64_t now_ms);

/* One step of one task, the clients taking turns. */
void clients_work(struct clients *clients, uint64_t now_ms);

/* Drops those whose time is over. */
void clients_expire(struct clients *clients, uint64_t now_ms);

/* Whether the answers take so much memory that no other is made. */
bool clients_are_full(const struct clients *clients);

/*
 * Until when to wait, at most until then: to a deadline, or when a task is to be gone on with, or,
 * where someone waits for a place or for memory, when a client yields.
 */
uint64_t clients_until_ms(const struct clients *clients, bool someone_waits, uint64_t until_ms,
                          uint64_t now_ms);

void clients_close(struct clients *clients);

#endif
