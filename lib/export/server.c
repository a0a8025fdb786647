/* SPDX-License-Identifier: Apache-2.0 */
#include "export/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/tool.h"

enum {
    SERVER_STACK_BYTES = 256 * 1024,
    /* A rest when the process is out of descriptors or memory, instead of trying all the time. */
    SERVER_PAUSE_MS = 100,
    /* Descriptors that the application replaced wake nobody; so they are looked at now and then. */
    SERVER_IDLE_MS = 2000,
    /* From one step of a task to the next, whoever's it is: each may stop a pool for a moment, and
     * clients that ask without end shall not stop it all the time. */
    SERVER_WORK_MS = 1,
    SERVER_POLLS_MAX = 2 + SERVER_CLIENTS_MAX,
};

/* What one turn waits for: the pipe, the listener, then the clients in order. */
struct server_polls {
    struct pollfd fds[SERVER_POLLS_MAX];
    struct client *clients[SERVER_POLLS_MAX];
    nfds_t n;
};

static uint64_t
server_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
server_drop(struct server *server, struct client *client)
{
    pthread_mutex_lock(&server->table);
    client_close(client);
    pthread_mutex_unlock(&server->table);
}

static uint64_t
server_deadline(const struct client *client)
{
    return client->opened_ms + CLIENT_DEADLINE_MS;
}

static struct client *
server_free_place(struct server *server)
{
    size_t i;

    for (i = 0; i < SERVER_CLIENTS_MAX; i++) {
        if (server->clients[i].connection.fd < 0) {
            return &server->clients[i];
        }
    }
    return NULL;
}

/* The oldest of those that have made no progress for a while. */
static struct client *
server_yielding(struct server *server, uint64_t now_ms)
{
    struct client *oldest = NULL;
    size_t i;

    for (i = 0; i < SERVER_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->connection.fd >= 0 && now_ms >= client->progress_ms + CLIENT_PATIENCE_MS &&
            (oldest == NULL || client->opened_ms < oldest->opened_ms)) {
            oldest = client;
        }
    }
    return oldest;
}

static bool
server_can_accept(struct server *server, uint64_t now_ms)
{
    return now_ms >= server->paused_until_ms &&
           (server_free_place(server) != NULL || server_yielding(server, now_ms) != NULL);
}

static void
server_expire(struct server *server, uint64_t now_ms)
{
    size_t i;

    for (i = 0; i < SERVER_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->connection.fd >= 0 && now_ms >= server_deadline(client)) {
            server_drop(server, client);
        }
    }
}

static uint64_t
server_sooner(uint64_t at_ms, uint64_t other_ms)
{
    return at_ms < other_ms ? at_ms : other_ms;
}

/* How long to wait: until a deadline or, when no connection may be accepted, until one may be. */
static int
server_timeout(struct server *server, bool accepting, uint64_t now_ms)
{
    uint64_t until_ms = now_ms + SERVER_IDLE_MS;
    size_t i;

    if (!accepting && server->paused_until_ms > now_ms) {
        until_ms = server_sooner(until_ms, server->paused_until_ms);
    }
    for (i = 0; i < SERVER_CLIENTS_MAX; i++) {
        const struct client *client = &server->clients[i];
        uint64_t yields_ms = client->progress_ms + CLIENT_PATIENCE_MS;

        if (client->connection.fd < 0) {
            continue;
        }
        until_ms = server_sooner(until_ms, server_deadline(client));
        if (client_is_working(client)) {
            until_ms = server_sooner(until_ms, server->worked_ms + SERVER_WORK_MS);
        }
        if (!accepting && yields_ms > now_ms) {
            until_ms = server_sooner(until_ms, yields_ms);
        }
    }
    return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

static void
server_poll_add(struct server_polls *polls, int fd, short events, struct client *client)
{
    polls->fds[polls->n] = (struct pollfd){.fd = fd, .events = events};
    polls->clients[polls->n] = client;
    polls->n++;
}

/*
 * Free places are left out: poll() refuses more entries than the process may have descriptors. So
 * are clients that are worked for: one that has hung up would not let it wait.
 */
static void
server_wait(struct server *server, struct server_polls *polls)
{
    uint64_t now_ms = server_now_ms();
    bool accepting = server_can_accept(server, now_ms);
    nfds_t i;

    polls->n = 0;
    server_poll_add(polls, server->wake_reader.fd, POLLIN, NULL);
    server_poll_add(polls, accepting ? server->listener.fd : -1, POLLIN, NULL);
    for (i = 0; i < SERVER_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->connection.fd >= 0 && !client_is_working(client)) {
            server_poll_add(polls, client->connection.fd, client_events(client), client);
        }
    }
    if (poll(polls->fds, polls->n, server_timeout(server, accepting, now_ms)) < 0) {
        for (i = 0; i < polls->n; i++) {
            polls->fds[i].revents = 0;
        }
        if (errno != EINTR) {
            const struct timespec pause = {.tv_nsec = SERVER_PAUSE_MS * 1000000L};

            nanosleep(&pause, NULL);
        }
    }
}

static void
server_serve(struct server *server, struct client *client, uint64_t now_ms)
{
    if (!client_go_on(client, now_ms)) {
        server_drop(server, client);
    }
}

/* One step of one task, the clients taking turns. */
static void
server_work(struct server *server, uint64_t now_ms)
{
    size_t n;

    if (now_ms < server->worked_ms + SERVER_WORK_MS) {
        return;
    }
    for (n = 0; n < SERVER_CLIENTS_MAX; n++) {
        struct client *client;

        server->worked_place = (server->worked_place + 1) % SERVER_CLIENTS_MAX;
        client = &server->clients[server->worked_place];
        if (client->connection.fd >= 0 && client_is_working(client)) {
            server_serve(server, client, now_ms);
            server->worked_ms = server_now_ms();
            return;
        }
    }
}

/*
 * Takes in one connection, in the place of a yielding client if there is no other: that one is
 * dropped only once there is a newcomer. NULL if there is none, or no place.
 */
static struct client *
server_accept_one(struct server *server, uint64_t now_ms)
{
    struct client *free_place = server_free_place(server);
    struct client *client = free_place != NULL ? free_place : server_yielding(server, now_ms);
    int fd;

    if (client == NULL) {
        return NULL;
    }
    fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            server->paused_until_ms = now_ms + SERVER_PAUSE_MS;
        }
        return NULL;
    }
    if (free_place == NULL) {
        client_close(client);
    }
    return client_open(client, fd, now_ms) == 0 ? client : NULL;
}

/* At most as many in a turn as there are places, so that a flood does not starve who is in. */
static void
server_accept(struct server *server, uint64_t now_ms)
{
    struct client *client;
    int n;

    for (n = 0; n < SERVER_CLIENTS_MAX; n++) {
        pthread_mutex_lock(&server->table);
        client = server_accept_one(server, now_ms);
        pthread_mutex_unlock(&server->table);
        if (client == NULL) {
            return;
        }
        if (client_is_admitted(client)) {
            server_serve(server, client, now_ms);
        } else {
            server_drop(server, client);
        }
    }
}

static bool
server_goes_on(struct server *server)
{
    bool stopping;

    pthread_mutex_lock(&server->table);
    stopping = server->stopping;
    pthread_mutex_unlock(&server->table);
    return !stopping && fd_is_ours(&server->wake_reader) && fd_is_ours(&server->listener);
}

/* One turn of the loop; false when it is the last. */
static bool
server_turn(struct server *server)
{
    struct server_polls polls;
    uint64_t now_ms;
    nfds_t i;

    server_wait(server, &polls);
    /* Anything at the pipe is the end: a byte, or its writer closed. */
    if (!server_goes_on(server) || polls.fds[0].revents != 0) {
        return false;
    }
    now_ms = server_now_ms();
    for (i = 2; i < polls.n; i++) {
        if (polls.fds[i].revents != 0) {
            server_serve(server, polls.clients[i], now_ms);
        }
    }
    server_work(server, now_ms);
    now_ms = server_now_ms();
    if (polls.fds[1].revents != 0) {
        server_accept(server, now_ms);
    }
    server_expire(server, now_ms);
    return true;
}

static void
server_close_clients(struct server *server)
{
    size_t i;

    for (i = 0; i < SERVER_CLIENTS_MAX; i++) {
        client_close(&server->clients[i]);
    }
}

static void *
server_main(void *argument)
{
    struct server *server = argument;

    pthread_setname_np(pthread_self(), "osmempool");
    pthread_mutex_lock(&server->table);
    server->thread_id = gettid();
    pthread_mutex_unlock(&server->table);
    while (server_turn(server)) {
    }
    pthread_mutex_lock(&server->table);
    server_close_clients(server);
    fd_close(&server->listener);
    server->ended = true;
    pthread_mutex_unlock(&server->table);
    return NULL;
}

static int
server_pipe(struct server *server)
{
    int fds[2];
    int error;

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        return -errno;
    }
    error = fd_own(&server->wake_reader, fds[0]);
    if (error < 0) {
        close(fds[1]);
        return error;
    }
    error = fd_own(&server->wake_writer, fds[1]);
    if (error < 0) {
        fd_close(&server->wake_reader);
    }
    return error;
}

/* All signals are for the application's threads, but those that report a fault of this one. */
static void
server_signals(sigset_t *set)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    size_t i;

    sigfillset(set);
    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigdelset(set, faults[i]);
    }
}

static int
server_create_thread(struct server *server)
{
    pthread_attr_t attributes;
    sigset_t blocked;
    sigset_t before;
    int error;

    if (pthread_attr_init(&attributes) != 0) {
        return -ENOMEM;
    }
    pthread_attr_setstacksize(&attributes, SERVER_STACK_BYTES);
    server_signals(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    error = pthread_create(&server->thread, &attributes, server_main, server);
    if (error == EINVAL) {
        /* The program's thread-local storage does not fit in there. */
        error = pthread_create(&server->thread, NULL, server_main, server);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

static void
server_close_wake(struct server *server)
{
    fd_close(&server->wake_reader);
    fd_close(&server->wake_writer);
}

int
server_start(struct server *server, const struct owned_fd *listener)
{
    size_t i;
    int error;

    server->listener = *listener;
    server->stopping = server->ended = false;
    server->paused_until_ms = server->worked_ms = 0;
    server->worked_place = 0;
    for (i = 0; i < SERVER_CLIENTS_MAX; i++) {
        client_forget(&server->clients[i]);
        server->clients[i] = (struct client){.connection.fd = -1};
    }
    error = server_pipe(server);
    if (error == 0) {
        error = server_create_thread(server);
        if (error < 0) {
            server_close_wake(server);
        }
    }
    if (error < 0) {
        fd_close(&server->listener);
    }
    return error;
}

void
server_tell_stop(struct server *server)
{
    pthread_mutex_lock(&server->table);
    server->stopping = true;
    if (fd_is_ours(&server->wake_writer)) {
        /* A full pipe has woken it too. */
        ssize_t ignored = write(server->wake_writer.fd, "", 1);

        (void)ignored;
    }
    pthread_mutex_unlock(&server->table);
}

void
server_join(struct server *server)
{
    pthread_join(server->thread, NULL);
    pthread_mutex_lock(&server->table);
    server_close_wake(server);
    server->thread_id = 0;
    pthread_mutex_unlock(&server->table);
}

bool
server_is_me(struct server *server)
{
    bool mine;

    pthread_mutex_lock(&server->table);
    mine = server->thread_id == gettid();
    pthread_mutex_unlock(&server->table);
    return mine;
}

bool
server_is_listening(struct server *server)
{
    bool listening;

    pthread_mutex_lock(&server->table);
    listening = fd_is_ours(&server->listener);
    pthread_mutex_unlock(&server->table);
    return listening;
}

bool
server_has_ended(struct server *server)
{
    bool ended;

    pthread_mutex_lock(&server->table);
    ended = server->ended;
    pthread_mutex_unlock(&server->table);
    return ended;
}

void
server_forget(struct server *server)
{
    size_t i;

    /* Helgrind takes the parent's thread, which read these, for one of the child's. */
    tool_atomics(server, sizeof(*server));
    fd_close(&server->listener);
    server_close_wake(server);
    for (i = 0; i < SERVER_CLIENTS_MAX; i++) {
        fd_close(&server->clients[i].connection);
    }
    server->thread_id = 0;
}
