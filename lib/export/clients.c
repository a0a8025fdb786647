/* SPDX-License-Identifier: Apache-2.0 */
#include "export/clients.h"

#include "base/clock.h"

enum {
    /* From one step of a task to the next, whoever's it is: each may stop a pool for a moment, and
     * clients that ask without end shall not stop it all the time. */
    CLIENTS_WORK_MS = 1,
};

void
clients_begin(struct clients *clients)
{
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        client_forget(&clients->places[i]);
        clients->places[i] = (struct client){.connection.fd = -1};
    }
    clients->worked_ms = 0;
    clients->worked_place = 0;
}

static struct client *
clients_free_place(struct clients *clients)
{
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        if (!client_is_there(&clients->places[i])) {
            return &clients->places[i];
        }
    }
    return NULL;
}

/* The oldest of those that yield. */
static struct client *
clients_yielding(struct clients *clients, uint64_t now_ms)
{
    struct client *oldest = NULL;
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &clients->places[i];

        if (client_is_there(client) && now_ms >= client_yields_ms(client) &&
            (oldest == NULL || client->opened_ms < oldest->opened_ms)) {
            oldest = client;
        }
    }
    return oldest;
}

bool
clients_have_place(struct clients *clients, uint64_t now_ms)
{
    return clients_free_place(clients) != NULL || clients_yielding(clients, now_ms) != NULL;
}

bool
clients_are_full(const struct clients *clients)
{
    size_t bytes = 0;
    size_t n = 0;
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        bytes += client_bytes(&clients->places[i]);
        n += client_bytes(&clients->places[i]) > 0;
    }
    return n > 1 && bytes > CLIENTS_ANSWER_BYTES;
}

void
clients_serve(struct clients *clients, struct client *client, uint64_t now_ms)
{
    if (client_is_awaited(client) && clients_are_full(clients)) {
        return;
    }
    if (!client_go_on(client, now_ms)) {
        client_close(client);
    }
}

void
clients_admit(struct clients *clients, struct owned_fd *connection, uint64_t now_ms)
{
    struct client *client = clients_free_place(clients);

    if (client == NULL) {
        client = clients_yielding(clients, now_ms);
        client_close(client);
    }
    client_open(client, connection, now_ms);
    clients_serve(clients, client, now_ms);
}

void
clients_work(struct clients *clients, uint64_t now_ms)
{
    size_t n;

    if (now_ms < clients->worked_ms + CLIENTS_WORK_MS) {
        return;
    }
    for (n = 0; n < CLIENTS_MAX; n++) {
        struct client *client;

        clients->worked_place = (clients->worked_place + 1) % CLIENTS_MAX;
        client = &clients->places[clients->worked_place];
        if (client_is_there(client) && client_is_working(client)) {
            clients_serve(clients, client, now_ms);
            clients->worked_ms = clock_steady_ms();
            return;
        }
    }
}

static bool
clients_any_is_awaited(const struct clients *clients)
{
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        if (client_is_there(&clients->places[i]) && client_is_awaited(&clients->places[i])) {
            return true;
        }
    }
    return false;
}

void
clients_expire(struct clients *clients, uint64_t now_ms)
{
    bool full = clients_are_full(clients) && clients_any_is_awaited(clients);
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &clients->places[i];
        bool stalls = full && client_bytes(client) > 0 && now_ms >= client_yields_ms(client);

        if (client_is_there(client) && (stalls || now_ms >= client_deadline_ms(client))) {
            client_close(client);
        }
    }
}

static uint64_t
clients_sooner(uint64_t at_ms, uint64_t other_ms)
{
    return at_ms < other_ms ? at_ms : other_ms;
}

uint64_t
clients_until_ms(const struct clients *clients, bool someone_waits, uint64_t until_ms,
                 uint64_t now_ms)
{
    bool yielding = someone_waits || clients_are_full(clients);
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &clients->places[i];

        if (!client_is_there(client)) {
            continue;
        }
        until_ms = clients_sooner(until_ms, client_deadline_ms(client));
        if (client_is_working(client)) {
            until_ms = clients_sooner(until_ms, clients->worked_ms + CLIENTS_WORK_MS);
        }
        if (yielding && client_yields_ms(client) > now_ms) {
            until_ms = clients_sooner(until_ms, client_yields_ms(client));
        }
    }
    return until_ms;
}

void
clients_close(struct clients *clients)
{
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        client_close(&clients->places[i]);
    }
}
