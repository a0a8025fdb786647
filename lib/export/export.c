/* SPDX-License-Identifier: Apache-2.0 */
#include "export/export.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/compiler.h"
#include "base/tool.h"
#include "export/place.h"
#include "export/server.h"
#include "export/sweep.h"
#include "osmempool.h"
#include "sync/freeze.h"

static pthread_mutex_t export_control = PTHREAD_MUTEX_INITIALIZER;
static struct server export_server = {
    .listener.fd = -1,
    .wake_reader.fd = -1,
    .wake_writer.fd = -1,
    .newcomer.fd = -1,
    .resting = true,
};

/* All of it is guarded by the control mutex, and export_for by the lock of fd.h as well. */
static bool export_running;           /* there is a thread to be joined */
static pid_t export_pid;              /* in this process */
static struct socket_path export_at;  /* its socket */
static struct socket_path export_for; /* the path that was asked for: forked children's go by it */

/* Present in programs that carry the sanitizers' runtimes. */
extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

static void export_restart(void);

/* A process made without fork handlers (clone) is not the one that runs it. */
static bool
export_is_mine(void)
{
    return export_running && export_pid == getpid();
}

/* The socket goes first: nobody else's can have its inode while it listens. */
static void
export_tell_stop(void)
{
    place_remove(&export_at, server_is_listening(&export_server));
    server_tell_stop(&export_server);
}

static void
export_end(void)
{
    export_tell_stop();
    server_join(&export_server);
    export_running = false;
}

/* The control mutex is held; export_at is where to. */
static int
export_begin(void)
{
    int error = place_listen(&export_at, &export_server.listener);

    if (error < 0) {
        return error;
    }
    command_read_environment();
    /* Before there is a thread: a first call that is pending here must not be that thread's, which
     * would wait for the control mutex while the holder waits for its end. */
    freeze_arm_first_call(export_restart);
    error = server_start(&export_server);
    if (error < 0) {
        freeze_arm_first_call(NULL);
        place_remove(&export_at, false);
        return error;
    }
    export_running = true;
    export_pid = getpid();
    return 0;
}

/*
 * Of the exporter's locks a fork takes that of the descriptors alone, so that none is made or
 * dropped while the process is copied. The control mutex is held while threads are started and
 * joined, which allocate and free memory, and an allocator may have locked itself for this fork.
 *
 * AddressSanitizer's has no fork handlers before LLVM 17 and GCC 14: a child would inherit it
 * locked by a thread that it does not have. So the exporter's thread, which the program knows
 * nothing of, is at rest then.
 */
static void
export_fork_prepare(void)
{
    fd_lock();
    if (&__asan_init != NULL) {
        server_rest(&export_server);
    }
}

static void
export_fork_parent(void)
{
    if (&__asan_init != NULL) {
        server_resume(&export_server);
    }
    fd_unlock();
}

/*
 * The descriptors are the parent's business: kept open here they would outlive it, and its clients
 * would wait for ever. Another thread of the parent may have held the control mutex.
 */
static void
export_fork_child(void)
{
    fd_forget_all();
    server_forget(&export_server);
    tool_mutex_inherited(&export_control);
    pthread_mutex_init(&export_control, NULL);
    export_running = false;
}

static void
export_prepare_for_forks(void)
{
    pthread_atfork(export_fork_prepare, export_fork_parent, export_fork_child);
}

/* A forked child's first pool call: its parent exported, so it does, or does without. */
static void
export_restart(void)
{
    int before = errno;
    int cancel;
    int error;

    if (&__tsan_init != NULL) {
        return;
    }
    cancel = cancel_off();
    pthread_mutex_lock(&export_control);
    if (!export_is_mine()) {
        error = export_for.dir_is_default ? path_default(&export_at)
                                          : path_beside(&export_at, &export_for);
        if (error == 0) {
            export_begin();
        }
    }
    pthread_mutex_unlock(&export_control);
    cancel_back(cancel);
    errno = before;
}

int
export_start_at(const struct socket_path *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int error = -EBUSY;

    if (server_is_me(&export_server)) {
        return error;
    }
    /* After registry/'s handlers, which a constructor set: so this prepare runs before theirs. */
    pthread_once(&once, export_prepare_for_forks);
    pthread_mutex_lock(&export_control);
    if (export_is_mine() && server_has_ended(&export_server)) {
        export_end();
    }
    if (!export_is_mine()) {
        fd_lock();
        export_for = export_at = *path;
        fd_unlock();
        error = export_begin();
    }
    pthread_mutex_unlock(&export_control);
    if (error == 0) {
        sweep_dead(path);
    }
    return error;
}

/* Not cancelled half way: the control mutex and a socket would stay behind. */
static int
export_start(const char *path)
{
    struct socket_path at;
    int cancel = cancel_off();
    int error = path != NULL ? path_explicit(&at, path) : path_default(&at);

    if (error == 0) {
        error = export_start_at(&at);
    }
    cancel_back(cancel);
    return error;
}

OSMP_PUBLIC os_error_t
osmempool_export_start(const char *path)
{
    int error;

    if (path != NULL && *path != '/') {
        return OS_INVALID_PARM;
    }
    error = export_start(path);
    if (error == -EBUSY) {
        return OS_EBUSY;
    }
    if (error < 0) {
        errno = -error;
        return OS_ERROR;
    }
    return OS_OK;
}

OSMP_PUBLIC os_error_t
osmempool_export_stop(void)
{
    int cancel;

    /* A thread cannot wait for its own end: the next start or stop of another does. */
    if (server_is_me(&export_server)) {
        export_tell_stop();
        return OS_OK;
    }
    cancel = cancel_off();
    pthread_mutex_lock(&export_control);
    if (export_is_mine()) {
        export_end();
    }
    /* A forked child that stops does not start again at its first pool call either. */
    freeze_arm_first_call(NULL);
    pthread_mutex_unlock(&export_control);
    cancel_back(cancel);
    return OS_OK;
}

__attribute__((destructor)) static void
export_at_exit(void)
{
    osmempool_export_stop();
}
