/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
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

#define LISTEN_MAX_CONNECTIONS 256
#define LISTEN_BACKLOG         4096
/* Of a connection as a whole, one request and its answer, however slowly it goes on. */
#define LISTEN_DEADLINE_NS (10 * CLOCK_SECOND_NS)
/* When all places are taken, the oldest of those yields that have not asked for so long, or have
 * read nothing for so long. */
#define LISTEN_SILENCE_NS (CLOCK_SECOND_NS / 5)
#define LISTEN_STILL_NS   CLOCK_SECOND_NS
/* Scrapers that come together share one report, so that many cost the processes no more than one.
 * As long as an older report is still being read, too, the last one is shared for longer: no more
 * than two are kept. */
#define LISTEN_SHARE_NS       (CLOCK_SECOND_NS / 2)
#define LISTEN_SHARE_LONG_NS  (5 * CLOCK_SECOND_NS)
#define LISTEN_MEMORY_BYTES   ((size_t)16 << 10)
#define LISTEN_BLOCK_BYTES    ((size_t)16 << 10)
#define LISTEN_MAX_TEXT       ((size_t)4 << 20)
#define LISTEN_MAX_TIMEOUT_MS 60000

static const char page[] = "<!DOCTYPE html>\n<html lang=\"en\"><title>mempoolstat</title>\n"
                           "<h1>mempoolstat " MEMPOOLSTAT_VERSION "</h1>\n"
                           "<p>The pools of this machine's programs, as <a href=\"metrics\">metrics"
                           "</a> for Prometheus.\n</html>\n";

/* A report, and how many answers are being made of it. */
struct shared {
    struct report report;
    size_t n_deliveries;
    /* Its metrics in each form, if they are short; else NULL, and each answer is made anew. */
    char *texts[METRICS_N_FORMS];
    size_t n_text[METRICS_N_FORMS];
    bool tried[METRICS_N_FORMS];
};

/* Metrics on their way to a scraper, made as fast as they are read. */
struct delivery {
    struct server *server;
    struct connection *connection;
    struct shared *shared; /* NULL: it was given up */
    enum metrics_form form;
    struct exposition *exposition; /* NULL: there is a text */
    char *piece;                   /* that is being sent */
    size_t n_piece, n_sent;
};

struct connection {
    int fd; /* -1: this place is free */
    bool asked;
    int64_t began_ns, progress_ns; /* when it has asked, or was sent something, last */
    struct delivery *delivery;     /* or NULL */
};

struct server {
    const struct options *options;
    struct MHD_Daemon *daemon;
    int fd; /* that listens */
    struct connection connections[LISTEN_MAX_CONNECTIONS];
    size_t n_connections;
    bool freed;            /* a place has become free since the library looked */
    struct shared *latest; /* NULL: none yet */
    struct shared *older;  /* that is still being read; NULL: none */
    int64_t reported_ns;
    struct MHD_Response *page, *not_found, *not_allowed;
};

static volatile sig_atomic_t ended;

static void
listen_end(int signal_number)
{
    ended = 1;
}

/* Gives a response its headers. All answers close: that keeps the rule of one deadline per
 * connection. */
static struct MHD_Response *
response_complete(struct MHD_Response *response, const char *type)
{
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
    return response_complete(MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                             MHD_RESPMEM_PERSISTENT),
                             type);
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

static void
shared_free(struct shared *shared)
{
    if (shared == NULL) {
        return;
    }
    for (size_t i = 0; i < METRICS_N_FORMS; i++) {
        free(shared->texts[i]);
    }
    report_clear(&shared->report);
    free(shared);
}

/* A stream that keeps what is printed. */
static FILE *
stream_open(char **text, size_t *n_bytes)
{
    FILE *stream = open_memstream(text, n_bytes);

    if (stream == NULL) {
        message_print("out of memory");
        _Exit(EXIT_NOTHING);
    }
    return stream;
}

static void
stream_close(FILE *stream)
{
    if (ferror(stream) != 0 || fclose(stream) != 0) {
        message_print("out of memory");
        _Exit(EXIT_NOTHING);
    }
}

/* Makes the text that all answers share, unless it would be long. */
static void
shared_make_text(struct shared *shared, enum metrics_form form)
{
    struct exposition *exposition;
    FILE *out;

    if (shared->tried[form]) {
        return;
    }
    shared->tried[form] = true;
    exposition = metrics_begin(&shared->report, form);
    out = stream_open(&shared->texts[form], &shared->n_text[form]);
    while (ftell(out) < (long)LISTEN_MAX_TEXT && metrics_print_next(exposition, out)) {
    }
    stream_close(out);
    if (shared->n_text[form] >= LISTEN_MAX_TEXT) {
        free(shared->texts[form]);
        shared->texts[form] = NULL;
    }
    metrics_end(exposition);
}

static void
delivery_forget(struct delivery *delivery)
{
    struct shared *shared = delivery->shared;
    struct server *server = delivery->server;

    if (shared == NULL) {
        return;
    }
    if (delivery->exposition != NULL) {
        metrics_end(delivery->exposition);
    }
    delivery->exposition = NULL;
    delivery->shared = NULL;
    if (--shared->n_deliveries == 0 && shared == server->older) {
        shared_free(shared);
        server->older = NULL;
    }
}

/* Gives up the answers that are made of the older report, and so the report. */
static void
server_give_up_older(struct server *server)
{
    const struct shared *older = server->older;

    for (size_t i = 0; older != NULL && i < LISTEN_MAX_CONNECTIONS; i++) {
        struct connection *connection = &server->connections[i];

        if (connection->delivery != NULL && connection->delivery->shared == older) {
            delivery_forget(connection->delivery);
            shutdown(connection->fd, SHUT_RDWR);
        }
    }
}

static bool
server_shares(const struct server *server)
{
    int64_t age_ns = clock_now_ns() - server->reported_ns;

    return server->latest != NULL &&
           age_ns < (server->older != NULL ? LISTEN_SHARE_LONG_NS : LISTEN_SHARE_NS);
}

/* Asks the processes, unless that was done a moment ago. */
static void
server_report(struct server *server)
{
    struct shared *latest = server->latest;
    struct shared *shared;

    if (server_shares(server)) {
        return;
    }
    server_give_up_older(server);
    shared = alloc_array(NULL, 1, sizeof(*shared));
    *shared = (struct shared){.n_deliveries = 0};
    /* That there is no process is an answer, too. */
    collect_report(server->options, latest != NULL ? &latest->report : NULL, &shared->report);
    report_select(&shared->report, &server->options->choice);
    if (latest != NULL && latest->n_deliveries > 0) {
        server->older = latest;
    } else {
        shared_free(latest);
    }
    server->latest = shared;
    server->reported_ns = clock_now_ns();
}

/* Makes the next piece of an answer. Returns false at its end. */
static bool
delivery_next_piece(struct delivery *delivery)
{
    FILE *out;
    bool more;

    free(delivery->piece);
    delivery->piece = NULL;
    delivery->n_sent = 0;
    out = stream_open(&delivery->piece, &delivery->n_piece);
    more = metrics_print_next(delivery->exposition, out);
    stream_close(out);
    return more;
}

/* A part of the text from a position on. */
static size_t
shared_take(const struct shared *shared, enum metrics_form form, uint64_t position, char *buffer,
            size_t room)
{
    uint64_t rest = shared->n_text[form] - position;
    size_t n = rest < room ? (size_t)rest : room;

    memcpy(buffer, shared->texts[form] + position, n);
    return n;
}

static size_t
delivery_take(struct delivery *delivery, char *buffer, size_t room)
{
    size_t rest = delivery->n_piece - delivery->n_sent, n = rest < room ? rest : room;

    if (n > 0) {
        memcpy(buffer, delivery->piece + delivery->n_sent, n);
        delivery->n_sent += n;
    }
    return n;
}

/* Fills the library's buffer. */
static ssize_t
delivery_read(void *arg, uint64_t position, char *buffer, size_t room)
{
    struct delivery *delivery = arg;
    size_t n = 0;

    if (delivery->shared == NULL) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    delivery->connection->progress_ns = clock_now_ns();
    if (delivery->exposition == NULL) {
        n = shared_take(delivery->shared, delivery->form, position, buffer, room);
        return n > 0 ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
    }
    do {
        n += delivery_take(delivery, buffer + n, room - n);
    } while (n < room && delivery_next_piece(delivery));
    return n > 0 ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
}

static void
delivery_free(void *arg)
{
    struct delivery *delivery = arg;

    delivery_forget(delivery);
    delivery->connection->delivery = NULL;
    free(delivery->piece);
    free(delivery);
}

static enum MHD_Result
server_answer_metrics(struct server *server, struct connection *connection,
                      struct MHD_Connection *http, enum metrics_form form)
{
    struct delivery *delivery = alloc_array(NULL, 1, sizeof(*delivery));
    struct MHD_Response *response;
    struct shared *shared;
    enum MHD_Result result;

    server_report(server);
    shared = server->latest;
    shared_make_text(shared, form);
    *delivery = (struct delivery){
        .server = server,
        .connection = connection,
        .shared = shared,
        .form = form,
        .exposition = shared->texts[form] == NULL ? metrics_begin(&shared->report, form) : NULL,
    };
    shared->n_deliveries++;
    connection->delivery = delivery;
    response =
        response_complete(MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, LISTEN_BLOCK_BYTES,
                                                            delivery_read, delivery, delivery_free),
                          metrics_content_type(form));
    MHD_add_response_header(response, "Vary", "Accept");
    result = MHD_queue_response(http, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* The path of a request's target, which may be a whole address (RFC 9112, absolute-form). */
static const char *
target_path(const char *target)
{
    static const char scheme[] = "http://";
    const char *path;

    if (strncasecmp(target, scheme, sizeof(scheme) - 1) != 0) {
        return target;
    }
    path = strchr(target + sizeof(scheme) - 1, '/');
    return path != NULL ? path : "/";
}

static enum MHD_Result
server_answer(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
              const char *version, const char *body, size_t *n_body, void **context)
{
    struct server *server = arg;
    struct connection *place =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    const char *path = target_path(url);

    if (*context == NULL) {
        /* The first call, before the body if there is one. */
        *context = server;
        return MHD_YES;
    }
    if (*n_body > 0) {
        *n_body = 0;
        return MHD_YES;
    }
    if (place == NULL) {
        return MHD_NO;
    }
    place->asked = true;
    place->progress_ns = clock_now_ns();
    if (strcmp(path, "/") != 0 && strcmp(path, "/metrics") != 0) {
        return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, server->not_found);
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, server->not_allowed);
    }
    if (strcmp(path, "/") == 0) {
        return MHD_queue_response(connection, MHD_HTTP_OK, server->page);
    }
    return server_answer_metrics(server, place, connection,
                                 negotiate_form(MHD_lookup_connection_value(
                                     connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT)));
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
        server->n_connections--;
        server->freed = true;
        return;
    }
    for (size_t i = 0; i < LISTEN_MAX_CONNECTIONS; i++) {
        connection = &server->connections[i];
        if (connection->fd < 0) {
            *connection = (struct connection){
                .fd = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                .began_ns = clock_now_ns(),
                .progress_ns = clock_now_ns()};
            server->n_connections++;
            *context = connection;
            return;
        }
    }
}

/* When a connection may have to yield. */
static int64_t
connection_yields_ns(const struct connection *connection)
{
    return connection->progress_ns + (connection->asked ? LISTEN_STILL_NS : LISTEN_SILENCE_NS);
}

/* Whether a connection does nothing. One that has taken all that it was sent waits for us. */
static bool
connection_rests(const struct connection *connection, int64_t now_ns)
{
    int unsent = 0;

    if (connection->fd < 0 || now_ns < connection_yields_ns(connection)) {
        return false;
    }
    return !connection->asked || (ioctl(connection->fd, SIOCOUTQ, &unsent) == 0 && unsent > 0);
}

/* When a connection may have to yield so that another one gets its place. INT64_MAX: there are free
 * places. */
static int64_t
server_yields_ns(const struct server *server)
{
    int64_t first_ns = INT64_MAX;

    if (server->n_connections < LISTEN_MAX_CONNECTIONS) {
        return INT64_MAX;
    }
    for (size_t i = 0; i < LISTEN_MAX_CONNECTIONS; i++) {
        int64_t yields_ns = connection_yields_ns(&server->connections[i]);

        first_ns = yields_ns < first_ns ? yields_ns : first_ns;
    }
    return first_ns;
}

/* Somebody waits for a place: the oldest connection that does nothing yields. */
static void
server_yield(struct server *server)
{
    const struct connection *oldest = NULL;
    int64_t now_ns = clock_now_ns();

    for (size_t i = 0; i < LISTEN_MAX_CONNECTIONS; i++) {
        const struct connection *connection = &server->connections[i];

        if (connection_rests(connection, now_ns) &&
            (oldest == NULL || connection->began_ns < oldest->began_ns)) {
            oldest = connection;
        }
    }
    if (oldest != NULL) {
        shutdown(oldest->fd, SHUT_RDWR);
    }
}

/* Ends connections whose time is over; returns the milliseconds until the next one's is. */
static int
server_expire(struct server *server)
{
    int64_t now_ns = clock_now_ns(), rest_ns = (int64_t)LISTEN_MAX_TIMEOUT_MS * 1000000;

    for (size_t i = 0; i < LISTEN_MAX_CONNECTIONS; i++) {
        const struct connection *connection = &server->connections[i];
        int64_t left_ns = connection->began_ns + LISTEN_DEADLINE_NS - now_ns;

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

/* Waits until there is something to do. While all places are taken the library does not listen: so
 * it is seen here that somebody waits. */
static void
server_wait(struct server *server, const sigset_t *mask)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int64_t rest_ns = (int64_t)server_timeout_ms(server) * 1000000;
    int64_t yields_ns = server_yields_ns(server), now_ns = clock_now_ns();
    bool yields = now_ns >= yields_ns;
    struct pollfd polled[] = {{.fd = info->epoll_fd, .events = POLLIN},
                              {.fd = yields ? server->fd : -1, .events = POLLIN}};
    struct timespec timeout;

    if (!yields && yields_ns != INT64_MAX && yields_ns - now_ns < rest_ns) {
        rest_ns = yields_ns - now_ns;
    }
    timeout = (struct timespec){rest_ns / CLOCK_SECOND_NS, rest_ns % CLOCK_SECOND_NS};
    if (ppoll(polled, 2, &timeout, mask) > 0 && polled[1].revents != 0) {
        server_yield(server);
    }
}

static void
server_loop(struct server *server)
{
    sigset_t caught, before;

    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGTERM);
    /* Blocked but inside ppoll(), so that none can come between the question and the wait. */
    sigprocmask(SIG_BLOCK, &caught, &before);
    while (!ended) {
        server_wait(server, &before);
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
    server->fd = fd;
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
    int fd, status;
    char *name;

    /* First: who sees that it listens may already want it to end. */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    fd = listen_open(&address);
    if (fd < 0) {
        listen_complain(&options->address, errno);
        return EXIT_NOTHING;
    }
    for (size_t i = 0; i < LISTEN_MAX_CONNECTIONS; i++) {
        server.connections[i].fd = -1;
    }
    server_make_answers(&server);
    name = address_format(&address);
    status = server_run(&server, fd, name);
    free(name);
    MHD_destroy_response(server.page);
    MHD_destroy_response(server.not_found);
    MHD_destroy_response(server.not_allowed);
    shared_free(server.older);
    shared_free(server.latest);
    return status;
}
