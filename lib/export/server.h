/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h: the thread that answers.
 *
 * It waits in poll() for its listener and up to 64 clients and never for one of them alone. It ends
 * when it is told to, or quietly when the application has closed its descriptors.
 *
 * Synchronization: the lock of fd.h guards the descriptors, the thread's number and how it is
 * doing. The thread holds it while it takes in or drops a connection, never while it waits,
 * allocates or frees memory, or reads the registry. The callers of start, stop and join hold
 * export.c's control mutex, which comes before it.
 */
#ifndef OSMP_EXPORT_SERVER_H
#define OSMP_EXPORT_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "export/clients.h"
#include "export/fd.h"

struct server {
    struct owned_fd listener;
    /* A pipe, whose file is no other's (all eventfds share one identity). Its reader learns at once
     * when the application has closed the writer. */
    struct owned_fd wake_reader;
    struct owned_fd wake_writer;
    struct owned_fd newcomer; /* a connection of which it is not yet known whose it is */
    pthread_t thread;
    pid_t thread_id; /* 0: none runs */
    bool stopping;
    bool ended;   /* the thread is done but for its join */
    bool resting; /* the thread is in poll(), or there is none */
    int forking;  /* threads that wait for that, or fork */
    /* The rest is the thread's own, but for the clients' connections. */
    uint64_t paused_until_ms; /* no accept() before, after one that failed */
    struct clients clients;
};

/*
 * Starts the thread on the listener, which is there. Returns 0 or -errno, then the listener is
 * closed.
 */
int server_start(struct server *server);

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

/*
 * Under the lock of fd.h, which the first lets go meanwhile: waits until the thread is at rest, a
 * second at most; lets it go on.
 */
void server_rest(struct server *server);
void server_resume(struct server *server);

/* In a forked child: knows no thread. */
void server_forget(struct server *server);

#endif
