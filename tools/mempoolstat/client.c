/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "document.h"
#include "proc.h"

#define CLIENT_DEADLINE_NS ((int64_t)2000000000)
/* A full queue of connections has no event to wait for. */
#define CLIENT_RETRY_MS 10
/* Connections at a time: far below the usual limit of 1024 descriptors. */
#define CLIENT_MAX_OPEN   256
#define CLIENT_READ_BYTES ((size_t)64 << 10)

static const char request[] = "snapshot\n";

/* Ends the exchange. Takes reason over. */
static void
answer_end(struct answer *answer, enum answer_state state, char *reason)
{
    if (answer->fd >= 0) {
        close(answer->fd);
        answer->fd = -1;
    }
    answer->state = state;
    answer->reason = reason;
}

static void
answer_fail(struct answer *answer, const char *what, int error)
{
    answer_end(answer, ANSWER_FAILED, alloc_format("%s: %s", what, strerror(error)));
}

/*
 * Connects by an open descriptor of the socket file, because a path of more than 107 bytes does not
 * fit into the address. Returns 0 or an errno.
 */
static int
connect_by_descriptor(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int file = open(path, O_PATH | O_CLOEXEC);
    int error = 0;

    if (file < 0) {
        return errno;
    }
    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", file);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        error = errno;
    }
    close(file);
    return error;
}

/* Returns 0 or an errno. */
static int
connect_to(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length >= sizeof(address.sun_path)) {
        return connect_by_descriptor(fd, path);
    }
    memcpy(address.sun_path, path, length + 1);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
}

/* Whether the peer may answer there; ends the exchange if not. */
static bool
answer_admits_peer(struct answer *answer)
{
    const struct target *target = answer->target;
    struct ucred peer;
    socklen_t length = sizeof(peer);

    if (getsockopt(answer->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        answer_fail(answer, "cannot tell who answers", errno);
        return false;
    }
    answer->uid = peer.uid;
    answer->pid = peer.pid;
    if (target->guarded && peer.uid != geteuid() && peer.uid != 0 && geteuid() != 0) {
        answer_end(answer, ANSWER_FAILED,
                   alloc_format("user %u answers there: not asked; name the socket with -S to ask",
                                (unsigned int)peer.uid));
        return false;
    }
    if (target->guess && target->pid != peer.pid) {
        answer_end(answer, ANSWER_FAILED, alloc_copy("another process answers there"));
        return false;
    }
    return true;
}

static void
answer_end_stopped(struct answer *answer)
{
    answer->stopped = true;
    answer_end(answer, ANSWER_LATE, alloc_copy("the process is stopped; kill -CONT resumes it"));
}

static void
answer_connect(struct answer *answer)
{
    int error = connect_to(answer->fd, answer->target->path);

    if (error == EAGAIN || error == EINTR) {
        answer->state = ANSWER_CONNECTING;
    } else if (error == ENOENT || error == ECONNREFUSED) {
        answer_end(answer, ANSWER_GONE,
                   alloc_format("cannot connect: %s; no program exports there (any more)",
                                strerror(error)));
    } else if (error != 0) {
        answer_fail(answer, "cannot connect", error);
    } else if (answer_admits_peer(answer)) {
        answer->state = ANSWER_TALKING;
        /* Not waited for. A tracer that looks at each system call stops it too, but not for long.
         */
        if (answer->pid > 0 && proc_state(answer->pid) == 'T') {
            answer_end_stopped(answer);
        }
    }
}

static void
answer_start(struct answer *answer)
{
    answer->deadline_ns = clock_now_ns() + CLIENT_DEADLINE_NS;
    answer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (answer->fd < 0) {
        answer_fail(answer, "no socket to be had", errno);
        return;
    }
    answer_connect(answer);
}

static void
answer_send(struct answer *answer)
{
    size_t rest = sizeof(request) - 1 - answer->n_sent;
    ssize_t n = send(answer->fd, request + answer->n_sent, rest, MSG_NOSIGNAL);

    if (n >= 0) {
        answer->n_sent += (size_t)n;
    } else if (errno == EPIPE || errno == ECONNRESET) {
        /* Closed before we had asked: what it said, if anything, is read all the same. */
        answer->n_sent = sizeof(request) - 1;
    } else if (errno != EAGAIN && errno != EINTR) {
        answer_fail(answer, "cannot ask", errno);
    }
}

/* One read at a time, so that a server that never stops cannot keep us from the others. */
static void
answer_receive(struct answer *answer)
{
    ssize_t n;

    if (answer->room - answer->n_bytes < CLIENT_READ_BYTES) {
        answer->room = answer->room * 2 + CLIENT_READ_BYTES;
        answer->bytes = alloc_array(answer->bytes, answer->room, 1);
    }
    n = recv(answer->fd, answer->bytes + answer->n_bytes, CLIENT_READ_BYTES, 0);
    if (n > 0) {
        answer->n_bytes += (size_t)n;
        if (answer->n_bytes > DOCUMENT_MAX_BYTES) {
            answer_end(answer, ANSWER_FAILED, alloc_copy("the answer is too large"));
        }
    } else if (n == 0 && answer->n_bytes > 0) {
        answer_end(answer, ANSWER_COMPLETE, NULL);
    } else if (n == 0) {
        answer_end(answer, ANSWER_FAILED,
                   alloc_copy("closed without an answer: it may refuse this user, or have ended"));
    } else if (errno != EAGAIN && errno != EINTR) {
        answer_fail(answer, "cannot read the answer", errno);
    }
}

static short
answer_events(const struct answer *answer)
{
    return answer->n_sent < sizeof(request) - 1 ? POLLOUT : POLLIN;
}

static void
answer_step(struct answer *answer, short events)
{
    if (answer->state == ANSWER_CONNECTING) {
        answer_connect(answer);
    } else if (events != 0 && answer_events(answer) == POLLOUT) {
        answer_send(answer);
    } else if (events != 0) {
        answer_receive(answer);
    }
}

static void
answer_expire(struct answer *answer)
{
    /* Before a connection, the path tells who it is. */
    pid_t pid = answer->pid > 0 ? answer->pid : proc_pid_of_path(answer->target->path);
    char state = pid > 0 ? proc_state(pid) : '\0';

    if (state == 'T' || state == 't') {
        answer_end_stopped(answer);
    } else {
        answer_end(answer, ANSWER_LATE,
                   alloc_format("%s within 2 seconds",
                                answer->n_bytes > 0 ? "the answer did not end" : "no answer"));
    }
}

static bool
answer_is_open(const struct answer *answer)
{
    return answer->state == ANSWER_CONNECTING || answer->state == ANSWER_TALKING;
}

/* The exchanges that are open: answers [first, next), some of them ended. */
struct window {
    struct answer *answers;
    size_t n_answers, first, next, n_open;
};

/* Starts as many exchanges as there is room for. */
static void
window_fill(struct window *window)
{
    window->n_open = 0;
    for (size_t i = window->first; i < window->next; i++) {
        window->n_open += answer_is_open(&window->answers[i]);
    }
    while (window->next < window->n_answers && window->n_open < CLIENT_MAX_OPEN) {
        struct answer *answer = &window->answers[window->next++];

        answer_start(answer);
        window->n_open += answer_is_open(answer);
    }
    while (window->first < window->next && !answer_is_open(&window->answers[window->first])) {
        window->first++;
    }
}

/* Milliseconds until something must be done without an event. */
static int
window_timeout_ms(const struct window *window)
{
    int64_t earliest_ns = INT64_MAX, rest_ns;

    for (size_t i = window->first; i < window->next; i++) {
        const struct answer *answer = &window->answers[i];

        if (answer->state == ANSWER_CONNECTING) {
            return CLIENT_RETRY_MS;
        }
        if (answer_is_open(answer) && answer->deadline_ns < earliest_ns) {
            earliest_ns = answer->deadline_ns;
        }
    }
    rest_ns = earliest_ns - clock_now_ns();
    return rest_ns > 0 ? (int)(rest_ns / 1000000) + 1 : 0;
}

/* Waits, and goes one step with each exchange that can. */
static void
window_step(struct window *window)
{
    struct pollfd polled[CLIENT_MAX_OPEN];
    struct answer *open[CLIENT_MAX_OPEN];
    nfds_t n = 0;

    for (size_t i = window->first; i < window->next; i++) {
        struct answer *answer = &window->answers[i];

        if (answer_is_open(answer)) {
            bool talking = answer->state == ANSWER_TALKING;

            polled[n].fd = talking ? answer->fd : -1;
            polled[n].events = answer_events(answer);
            polled[n].revents = 0;
            open[n++] = answer;
        }
    }
    poll(polled, n, window_timeout_ms(window));
    for (nfds_t i = 0; i < n; i++) {
        answer_step(open[i], polled[i].revents);
        if (answer_is_open(open[i]) && clock_now_ns() >= open[i]->deadline_ns) {
            answer_expire(open[i]);
        }
    }
}

void
client_ask(const struct target_list *targets, struct answer *answers)
{
    struct window window = {.answers = answers, .n_answers = targets->n_targets};

    for (size_t i = 0; i < targets->n_targets; i++) {
        answers[i] = (struct answer){.target = &targets->targets[i], .fd = -1};
    }
    for (window_fill(&window); window.n_open > 0; window_fill(&window)) {
        window_step(&window);
    }
}

void
answer_free(struct answer *answer)
{
    free(answer->bytes);
    free(answer->reason);
}
