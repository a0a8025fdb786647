/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "alloc.h"
#include "clock.h"
#include "collect.h"
#include "listen.h"
#include "message.h"
#include "metrics.h"
#include "negotiate.h"

#define LISTEN_MAX_CONNECTIONS 64
#define LISTEN_BACKLOG         128
/* Of a connection as a whole, one request and its answer, however slowly it goes on. */
#define LISTEN_DEADLINE_NS ((int64_t)10000000000)
/* Scrapers that come together share one report, so that many cost the processes no more than one.
 */
#define LISTEN_SHARE_NS       ((int64_t)500000000)
#define LISTEN_MEMORY_BYTES   ((size_t)16 << 10)
#define LISTEN_MAX_TIMEOUT_MS 60000

static const char page[] = "<!DOCTYPE html>\n<html lang=\"en\"><title>mempoolstat</title>\n"
                           "<h1>mempoolstat " MEMPOOLSTAT_VERSION "</h1>\n"
                           "<p>The pools of this machine's programs, as <a href=\"metrics\">metrics"
                           "</a> for Prometheus.\n</html>\n";

struct connection {
    int fd; /* -1: this place is free */
    int64_t deadline_ns;
};

struct server {
    const struct options *options;
    struct MHD_Daemon *daemon;
    struct connection connections[LISTEN_MAX_CONNECTIONS];
    bool freed;           /* a place has become free since the library looked */
    struct report report; /* the last one */
    bool reported;
    int64_t reported_ns;
    struct MHD_Response *metrics[METRICS_N_FORMS]; /* of that report; NULL: not yet made */
    struct MHD_Response *page, *not_found, *not_allowed;
};

static volatile sig_atomic_t ended;

static void
listen_end(int signal_number)
{
    ended = 1;
}

/* Takes the text over. All answers close: that keeps the rule of one deadline per connection. */
static struct MHD_Response *
response_new(char *text, size_t n_bytes, const char *type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(n_bytes, text, MHD_RESPMEM_MUST_FREE);

    if (response == NULL || MHD_add_response_header(response, "Connection", "close") == MHD_NO ||
        MHD_add_response_header(response, "Content-Type", type) == MHD_NO) {
        message_print("out of memory");
        _Exit(EXIT_NOTHING);
    }
    return response;
}

static struct MHD_Response *
response_text(const char *text, const char *type)
{
    return response_new(alloc_copy(text), strlen(text), type);
}

static void
server_make_answers(struct server *server)
{
    static const char plain[] = "text/plain; charset=utf-8";

    server->page = response_text(page, "text/html; charset=utf-8");
    server->not_found =
        response_text("There is nothing here; the metrics are at /metrics\n", plain);
    server->not_allowed = response_text("Only GET and HEAD are answered\n", plain);
    MHD_add_response_header(server->not_allowed, "Allow", "GET, HEAD");
}

/* Forgets the answers with the last report. Connections that still send one keep it alive. */
static void
server_drop_metrics(struct server *server)
{
    for (size_t i = 0; i < METRICS_N_FORMS; i++) {
        if (server->metrics[i] != NULL) {
            MHD_destroy_response(server->metrics[i]);
            server->metrics[i] = NULL;
        }
    }
}

/* Asks the processes, unless that was done a moment ago. */
static void
server_report(struct server *server)
{
    struct report report = {0};

    if (server->reported && clock_now_ns() - server->reported_ns < LISTEN_SHARE_NS) {
        return;
    }
    /* That there is no process is an answer, too. */
    collect_report(server->options, server->reported ? &server->report : NULL, &report);
    report_select(&report, &server->options->choice);
    report_clear(&server->report);
    server_drop_metrics(server);
    server->report = report;
    server->reported = true;
    server->reported_ns = clock_now_ns();
}

static struct MHD_Response *
server_metrics(struct server *server, enum metrics_form form)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out;

    server_report(server);
    if (server->metrics[form] == NULL) {
        out = open_memstream(&text, &n_bytes);
        if (out != NULL) {
            metrics_print(out, &server->report, form);
        }
        if (out == NULL || ferror(out) != 0 || fclose(out) != 0) {
            message_print("out of memory");
            _Exit(EXIT_NOTHING);
        }
        server->metrics[form] = response_new(text, n_bytes, metrics_content_type(form));
        MHD_add_response_header(server->metrics[form], "Vary", "Accept");
    }
    return server->metrics[form];
}

static enum MHD_Result
server_answer(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
              const char *version, const char *body, size_t *n_body, void **context)
{
    struct server *server = arg;

    if (*context == NULL) {
        /* The first call, before the body if there is one. */
        *context = server;
        return MHD_YES;
    }
    if (*n_body > 0) {
        *n_body = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/") != 0 && strcmp(url, "/metrics") != 0) {
        return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, server->not_found);
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, server->not_allowed);
    }
    if (strcmp(url, "/") == 0) {
        return MHD_queue_response(connection, MHD_HTTP_OK, server->page);
    }
    return MHD_queue_response(
        connection, MHD_HTTP_OK,
        server_metrics(server, negotiate_form(MHD_lookup_connection_value(
                                   connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT))));
}

/* Notes when a connection began. */
static void
server_notice(void *arg, struct MHD_Connection *http, void **context,
              enum MHD_ConnectionNotificationCode what)
{
    struct server *server = arg;
    struct connection *connection = *context;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED && connection != NULL) {
        connection->fd = -1;
        server->freed = true;
        return;
    }
    for (size_t i = 0; i < LISTEN_MAX_CONNECTIONS; i++) {
        connection = &server->connections[i];
        if (connection->fd < 0) {
            connection->fd =
                MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
            connection->deadline_ns = clock_now_ns() + LISTEN_DEADLINE_NS;
            *context = connection;
            return;
        }
    }
}

/* Ends connections whose time is over; returns the milliseconds until the next one's is. */
static int
server_expire(struct server *server)
{
    int64_t now_ns = clock_now_ns(), rest_ns = (int64_t)LISTEN_MAX_TIMEOUT_MS * 1000000;

    for (size_t i = 0; i < LISTEN_MAX_CONNECTIONS; i++) {
        const struct connection *connection = &server->connections[i];
        int64_t left_ns = connection->deadline_ns - now_ns;

        if (connection->fd >= 0 && left_ns <= 0) {
            /* Closing it is the library's: it learns by this that the peer is gone. */
            shutdown(connection->fd, SHUT_RDWR);
        } else if (connection->fd >= 0 && left_ns < rest_ns) {
            rest_ns = left_ns;
        }
    }
    return (int)(rest_ns / 1000000) + 1;
}

/* How long nothing needs to be done, in milliseconds. */
static int
server_timeout_ms(struct server *server)
{
    int timeout_ms = server_expire(server);
    MHD_UNSIGNED_LONG_LONG wanted;

    /* The library stops listening while all places are taken, and begins again when it is called.
     */
    if (server->freed) {
        server->freed = false;
        return 0;
    }
    if (MHD_get_timeout(server->daemon, &wanted) == MHD_YES &&
        wanted < (MHD_UNSIGNED_LONG_LONG)timeout_ms) {
        timeout_ms = (int)wanted;
    }
    return timeout_ms;
}

static void
server_loop(struct server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    sigset_t caught, before;

    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGTERM);
    /* Blocked but inside ppoll(), so that none can come between the question and the wait. */
    sigprocmask(SIG_BLOCK, &caught, &before);
    while (!ended) {
        int timeout_ms = server_timeout_ms(server);
        struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
        struct pollfd polled = {.fd = info->epoll_fd, .events = POLLIN};

        ppoll(&polled, 1, &timeout, &before);
        MHD_run(server->daemon);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* A socket that listens at an address; afterwards the address has the port that it got. */
static int
listen_open(struct address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        bind(fd, (const struct sockaddr *)&address->storage, address->length) == 0 &&
        listen(fd, LISTEN_BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)&address->storage, &address->length) == 0) {
        return fd;
    }
    if (fd >= 0) {
        int error = errno;

        close(fd);
        errno = error;
    }
    return -1;
}

static void
listen_complain(const struct address *address, int error)
{
    const char *remedy = "";
    char *name = address_format(address);

    if (error == EADDRINUSE) {
        remedy = "; another program listens there, name another port";
    } else if (error == EADDRNOTAVAIL) {
        remedy = "; name an address that this machine has";
    } else if (error == EACCES) {
        remedy = "; name a port from 1024 on";
    }
    message_print("cannot listen at %s: %s%s", name, strerror(error), remedy);
    free(name);
}

/* Serves at a socket, which it takes over. */
static int
server_run(struct server *server, int fd, const char *name)
{
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, server_answer, server, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned int)LISTEN_MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, LISTEN_MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        server_notice, server, MHD_OPTION_END);
    if (server->daemon == NULL) {
        close(fd);
        message_print("cannot listen at %s: no HTTP server could be started there", name);
        return EXIT_NOTHING;
    }
    message_print("metrics are at http://%s/metrics", name);
    server_loop(server);
    MHD_stop_daemon(server->daemon);
    return EXIT_FINE;
}

int
listen_run(const struct options *options)
{
    struct sigaction action = {.sa_handler = listen_end};
    struct server server = {.options = options};
    struct address address = options->address;
    int fd = listen_open(&address), status;
    char *name;

    if (fd < 0) {
        listen_complain(&options->address, errno);
        return EXIT_NOTHING;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    for (size_t i = 0; i < LISTEN_MAX_CONNECTIONS; i++) {
        server.connections[i].fd = -1;
    }
    server_make_answers(&server);
    name = address_format(&address);
    status = server_run(&server, fd, name);
    free(name);
    server_drop_metrics(&server);
    MHD_destroy_response(server.page);
    MHD_destroy_response(server.not_found);
    MHD_destroy_response(server.not_allowed);
    report_clear(&server.report);
    return status;
}
