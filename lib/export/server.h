/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h: the thread that answers.
 *
 * It waits in poll() for its listener and up to 64 clients and never for one of them alone. It ends
 * when it is told to, or quietly when the application has closed its descriptors.
 *
 * Synchronization: the table's mutex guards the descriptors, the thread's number and how it is
 * doing. The thread holds it while it takes in or drops a connection, never while it waits or
 * reads the registry; a fork holds it, so that the child finds an exact list of what to close.
 * The callers of start, stop and the fork functions hold export.c's control mutex, which comes
 * before the table's.
 */
#ifndef OSMP_EXPORT_SERVER_H
#define OSMP_EXPORT_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "export/client.h"
#include "export/fd.h"

enum { SERVER_CLIENTS_MAX = 64 };

struct server {
    pthread_mutex_t table;
    struct owned_fd listener;
    /* A pipe, whose file is no other's (all eventfds share one identity). Its reader learns at once
     * when the application has closed the writer. */
    struct owned_fd wake_reader;
    struct owned_fd wake_writer;
    pthread_t thread;
    pid_t thread_id; /* 0: none runs */
    bool stopping;
    bool ended; /* the thread is done but for its join */
    /* The rest is the thread's own, but for the clients' connections. */
    uint64_t paused_until_ms; /* no accept() before, after one that failed */
    uint64_t worked_ms;       /* when a client's task was last gone on with */
    size_t worked_place;      /* and whose */
    struct client clients[SERVER_CLIENTS_MAX];
};

/*
 * Starts the thread on a listener, of which it takes charge. Returns 0 or -errno, then the listener
 * is closed.
 */
int server_start(struct server *server, const struct owned_fd *listener);

/* Tells the thread to end. */
void server_tell_stop(struct server *server);

/* Waits until it has; not to be called by itself. */
void server_join(struct server *server);

/* Whether the calling thread is the server's. */
bool server_is_me(struct server *server);

/* Whether its socket still takes connections. */
bool server_is_listening(struct server *server);

/* Whether the thread has ended by itself. */
bool server_has_ended(struct server *server);

/* In a forked child, whose caller holds the table's mutex: closes all and knows no thread. */
void server_forget(struct server *server);

#endif
