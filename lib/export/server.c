/* SPDX-License-Identifier: Apache-2.0 */
#include "export/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tool.h"

enum {
    SERVER_STACK_BYTES = 256 * 1024,
    /* A rest when the process is out of descriptors or memory, instead of trying all the time. */
    SERVER_PAUSE_MS = 100,
    /* Descriptors that the application replaced wake nobody; so they are looked at now and then. */
    SERVER_IDLE_MS = 2000,
    /* A fork looks so often, and after so long, whether the thread is at rest, and it whether the
     * fork is done. */
    SERVER_REST_TRIES = 10000,
    SERVER_REST_US = 100,
    SERVER_POLLS_MAX = 2 + CLIENTS_MAX,
};

/* What one turn waits for: the pipe, the listener, then the clients in order. */
struct server_polls {
    struct pollfd fds[SERVER_POLLS_MAX];
    struct client *clients[SERVER_POLLS_MAX];
    nfds_t n;
};

static void
server_poll_add(struct server_polls *polls, int fd, short events, struct client *client)
{
    polls->fds[polls->n] = (struct pollfd){.fd = fd, .events = events};
    polls->clients[polls->n] = client;
    polls->n++;
}

/*
 * Free places are left out: poll() refuses more entries than the process may have descriptors. So
 * are clients that are worked for, as one that has hung up would not let it wait, and those who
 * would be answered next while there is no memory for it.
 */
static void
server_poll_clients(struct server *server, struct server_polls *polls)
{
    bool full = clients_are_full(&server->clients);
    size_t i;

    for (i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients.places[i];

        if (client_is_there(client) && !client_is_working(client) &&
            !(full && client_is_awaited(client))) {
            server_poll_add(polls, client->connection.fd, client_events(client), client);
        }
    }
}

/* How long to wait: until a deadline or, when no connection may be accepted, until one may be. */
static int
server_timeout(struct server *server, bool accepting, uint64_t now_ms)
{
    uint64_t until_ms = now_ms + SERVER_IDLE_MS;

    if (!accepting && server->paused_until_ms > now_ms && server->paused_until_ms < until_ms) {
        until_ms = server->paused_until_ms;
    }
    until_ms = clients_until_ms(&server->clients, !accepting, until_ms, now_ms);
    return until_ms > now_ms ? (int)(until_ms - now_ms) : 0;
}

static void
server_pause(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};

    nanosleep(&pause, NULL);
}

static void
server_begin_rest(struct server *server)
{
    fd_lock();
    server->resting = true;
    fd_unlock();
}

/* Who wants to fork finds the thread at rest, however much it has to do. */
static void
server_end_rest(struct server *server)
{
    fd_lock();
    while (server->forking > 0) {
        fd_unlock();
        server_pause(SERVER_REST_US);
        fd_lock();
    }
    server->resting = false;
    fd_unlock();
}

static void
server_poll(struct server_polls *polls, int timeout_ms)
{
    nfds_t i;

    if (poll(polls->fds, polls->n, timeout_ms) >= 0) {
        return;
    }
    for (i = 0; i < polls->n; i++) {
        polls->fds[i].revents = 0;
    }
    if (errno != EINTR) {
        server_pause(SERVER_PAUSE_MS * 1000L);
    }
}

static void
server_wait(struct server *server, struct server_polls *polls)
{
    uint64_t now_ms = clock_steady_ms();
    bool accepting =
        now_ms >= server->paused_until_ms && clients_have_place(&server->clients, now_ms);

    polls->n = 0;
    server_poll_add(polls, server->wake_reader.fd, POLLIN, NULL);
    server_poll_add(polls, accepting ? server->listener.fd : -1, POLLIN, NULL);
    server_poll_clients(server, polls);
    server_begin_rest(server);
    server_poll(polls, server_timeout(server, accepting, now_ms));
    server_end_rest(server);
}

/* Takes one connection off the queue. False if there is none. */
static bool
server_take_newcomer(struct server *server, uint64_t now_ms)
{
    int error;

    fd_lock();
    error = fd_own(&server->newcomer,
                   accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
    fd_unlock();
    if (error < 0 && error != -EAGAIN && error != -EINTR && error != -ECONNABORTED) {
        server->paused_until_ms = now_ms + SERVER_PAUSE_MS;
    }
    return error == 0;
}

/*
 * At most as many in a turn as there are places, so that a flood does not starve who is in. Who may
 * not ask takes nobody's place.
 */
static void
server_accept(struct server *server, uint64_t now_ms)
{
    int n;

    for (n = 0; n < CLIENTS_MAX && clients_have_place(&server->clients, now_ms) &&
                server_take_newcomer(server, now_ms);
         n++) {
        if (client_is_admitted(&server->newcomer)) {
            clients_admit(&server->clients, &server->newcomer, now_ms);
        } else {
            fd_close(&server->newcomer);
        }
    }
}

static bool
server_goes_on(struct server *server)
{
    bool stopping;

    fd_lock();
    stopping = server->stopping;
    fd_unlock();
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
    now_ms = clock_steady_ms();
    for (i = 2; i < polls.n; i++) {
        if (polls.fds[i].revents != 0) {
            clients_serve(&server->clients, polls.clients[i], now_ms);
        }
    }
    clients_work(&server->clients, now_ms);
    now_ms = clock_steady_ms();
    if (polls.fds[1].revents != 0) {
        server_accept(server, now_ms);
    }
    clients_expire(&server->clients, now_ms);
    return true;
}

static void *
server_main(void *argument)
{
    struct server *server = argument;

    pthread_setname_np(pthread_self(), "osmempool");
    fd_lock();
    server->thread_id = gettid();
    fd_unlock();
    while (server_turn(server)) {
    }
    clients_close(&server->clients);
    fd_close(&server->listener);
    fd_lock();
    server->ended = server->resting = true;
    fd_unlock();
    return NULL;
}

static void
server_close_wake(struct server *server)
{
    fd_close(&server->wake_reader);
    fd_close(&server->wake_writer);
}

static int
server_own_pipe(struct server *server)
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
    return fd_own(&server->wake_writer, fds[1]);
}

static int
server_pipe(struct server *server)
{
    int error;

    fd_lock();
    error = server_own_pipe(server);
    fd_unlock();
    if (error < 0) {
        server_close_wake(server);
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
server_set_running(struct server *server, bool running)
{
    fd_lock();
    server->stopping = server->ended = false;
    server->resting = !running;
    server->thread_id = 0;
    fd_unlock();
}

int
server_start(struct server *server)
{
    int error;

    server_set_running(server, true);
    server->paused_until_ms = 0;
    clients_begin(&server->clients);
    error = server_pipe(server);
    if (error == 0) {
        error = server_create_thread(server);
        if (error < 0) {
            server_close_wake(server);
        }
    }
    if (error < 0) {
        server_set_running(server, false);
        fd_close(&server->listener);
    }
    return error;
}

void
server_tell_stop(struct server *server)
{
    fd_lock();
    server->stopping = true;
    if (fd_is_ours(&server->wake_writer)) {
        /* A full pipe has woken it too. */
        ssize_t ignored = write(server->wake_writer.fd, "", 1);

        (void)ignored;
    }
    fd_unlock();
}

void
server_join(struct server *server)
{
    pthread_join(server->thread, NULL);
    server_close_wake(server);
    fd_lock();
    server->thread_id = 0;
    fd_unlock();
}

bool
server_is_me(struct server *server)
{
    bool mine;

    fd_lock();
    mine = server->thread_id == gettid();
    fd_unlock();
    return mine;
}

bool
server_is_listening(struct server *server)
{
    bool listening;

    fd_lock();
    listening = fd_is_ours(&server->listener);
    fd_unlock();
    return listening;
}

bool
server_has_ended(struct server *server)
{
    bool ended;

    fd_lock();
    ended = server->ended;
    fd_unlock();
    return ended;
}

void
server_rest(struct server *server)
{
    int tries;

    server->forking++;
    for (tries = 0; tries < SERVER_REST_TRIES && !server->resting; tries++) {
        fd_unlock();
        server_pause(SERVER_REST_US);
        fd_lock();
    }
}

void
server_resume(struct server *server)
{
    server->forking--;
}

void
server_forget(struct server *server)
{
    /* Helgrind takes the parent's thread, which read these, for one of the child's. */
    tool_atomics(server, sizeof(*server));
    server->thread_id = 0;
    server->resting = true;
    server->forking = 0;
}
