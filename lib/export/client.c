/* SPDX-License-Identifier: Apache-2.0 */
#include "export/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a client may send that is read and dropped: in all, and how much at once. */
enum { CLIENT_DROP_MAX = 1024 * 1024, CLIENT_DROP_BYTES = 4096 };

static const char client_no_memory[] = "{\"error\":\"out of memory\"}\n";

bool
client_is_admitted(const struct owned_fd *connection)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

void
client_open(struct client *client, struct owned_fd *connection, uint64_t now_ms)
{
    client->opened_ms = client->progress_ms = now_ms;
    client->line_bytes = client->answer_bytes = client->sent_bytes = 0;
    client->dropped_bytes = 0;
    client->answer = client->answer_memory = NULL;
    client->task = NULL;
    fd_lock();
    fd_move(&client->connection, connection);
    fd_unlock();
}

uint64_t
client_deadline_ms(const struct client *client)
{
    return client->opened_ms + CLIENT_DEADLINE_MS;
}

/* Also a client that reads a byte now and then has had its turn after a while. */
uint64_t
client_yields_ms(const struct client *client)
{
    uint64_t stalled_ms = client->progress_ms + CLIENT_PATIENCE_MS;
    uint64_t over_ms = client->opened_ms + CLIENT_TURN_MS;

    return stalled_ms < over_ms ? stalled_ms : over_ms;
}

/* Takes what is to be sent; NULL is no memory. */
static void
client_take_answer(struct client *client, char *bytes)
{
    client->answer = client->answer_memory = bytes;
    if (bytes == NULL) {
        client->answer = client_no_memory;
        client->answer_bytes = sizeof(client_no_memory) - 1;
    }
}

/* Goes on with the task, or ends it at its time. The client forgets it before it is freed: a child
 * may be forked now. */
static void
client_work(struct client *client, uint64_t now_ms)
{
    struct task *task = client->task;

    client->progress_ms = now_ms;
    if (task_step(task) || now_ms >= client->task_until_ms) {
        client->task = NULL;
        client_take_answer(client, command_finish(task, &client->answer_bytes));
    }
}

static void
client_answer(struct client *client, size_t line_bytes, uint64_t now_ms)
{
    char *bytes = command_answer(client->line, line_bytes, &client->answer_bytes, &client->task);

    client->progress_ms = now_ms;
    if (client->task == NULL) {
        client_take_answer(client, bytes);
    } else {
        client->task_until_ms = now_ms + COMMAND_TASK_MS;
    }
}

/* Looks for the line's end in what is there; at the end of the stream the rest is a line too. */
static void
client_parse(struct client *client, bool at_end, uint64_t now_ms)
{
    const char *newline = memchr(client->line, '\n', client->line_bytes);
    size_t n = newline != NULL ? (size_t)(newline - client->line) : client->line_bytes;

    if (newline == NULL && !at_end && n < CLIENT_LINE_ROOM) {
        return;
    }
    if (n > 0 && client->line[n - 1] == '\r') {
        n--;
    }
    client_answer(client, n, now_ms);
}

/* Reads towards the line. False if none will come. */
static bool
client_read(struct client *client, uint64_t now_ms)
{
    size_t room = CLIENT_LINE_ROOM - client->line_bytes;
    ssize_t n = recv(client->connection.fd, client->line + client->line_bytes, room, MSG_DONTWAIT);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    client->line_bytes += (size_t)n;
    if (client->line_bytes == 0) {
        return false;
    }
    client_parse(client, n == 0, now_ms);
    return true;
}

static bool
client_has_sent(const struct client *client)
{
    return client->answer != NULL && client->sent_bytes == client->answer_bytes;
}

/* Sends of the answer what the socket takes. False if it will take no more. */
static bool
client_send(struct client *client, uint64_t now_ms)
{
    while (!client_has_sent(client)) {
        ssize_t n = send(client->connection.fd, client->answer + client->sent_bytes,
                         client->answer_bytes - client->sent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        client->sent_bytes += (size_t)n;
        client->progress_ms = now_ms;
    }
    return true;
}

/*
 * Ends the answer and reads on to the end of what a talkative client sends: bytes left unread would
 * turn its end of stream into ECONNRESET. False at the end, or if it is too much.
 */
static bool
client_drop_rest(struct client *client)
{
    char bytes[CLIENT_DROP_BYTES];
    ssize_t n;

    shutdown(client->connection.fd, SHUT_WR);
    n = recv(client->connection.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    client->dropped_bytes += (size_t)n;
    return n > 0 && client->dropped_bytes <= CLIENT_DROP_MAX;
}

bool
client_go_on(struct client *client, uint64_t now_ms)
{
    bool talkative;

    if (!fd_is_ours(&client->connection)) {
        return false;
    }
    if (client->task != NULL) {
        client_work(client, now_ms);
    } else if (client->answer == NULL && !client_read(client, now_ms)) {
        return false;
    }
    if (client->answer == NULL) {
        return true;
    }
    if (!client_send(client, now_ms)) {
        return false;
    }
    talkative = client->line_bytes == CLIENT_LINE_ROOM;
    return !client_has_sent(client) || (talkative && client_drop_rest(client));
}

bool
client_is_working(const struct client *client)
{
    return client->task != NULL;
}

bool
client_is_awaited(const struct client *client)
{
    return client->answer == NULL && client->task == NULL;
}

size_t
client_bytes(const struct client *client)
{
    return client->answer_memory != NULL ? client->answer_bytes : 0;
}

short
client_events(const struct client *client)
{
    return client->answer == NULL || client_has_sent(client) ? POLLIN : POLLOUT;
}

/* Forgotten before it is freed, as a child may be forked between the two. */
void
client_forget(struct client *client)
{
    char *memory = client->answer_memory;
    struct task *task = client->task;

    client->answer = client->answer_memory = NULL;
    client->task = NULL;
    free(memory);
    task_end(task);
}

void
client_close(struct client *client)
{
    fd_close(&client->connection);
    client_forget(client);
}
