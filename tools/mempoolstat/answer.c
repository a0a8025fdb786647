/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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
#include "model.h"
#include "place.h"

#define ANSWER_DEADLINE_NS ((int64_t)2000000000)
/* A process that walks through its pools waits up to a second for each that is busy. */
#define ANSWER_WALK_NS ((int64_t)10000000000)
/* A full queue of connections has no event to wait for. The first time, and the longest. */
#define ANSWER_RETRY_NS     ((int64_t)10000000)
#define ANSWER_RETRY_MAX_NS ((int64_t)80000000)
/* For so long a debugger that only looks at each system call does not stop a thread. */
#define ANSWER_TRACE_NS ((int64_t)200000000)
/* A document of 10,000 pools has some 3 MB. */
#define ANSWER_MAX_TEXT ((size_t)32 << 20)
/* The path of a socket and the name of a program. */
#define ANSWER_USUAL_LABELS 160

struct answer
answer_make(const struct target *target, const struct request *request)
{
    return (struct answer){.target = target, .request = request, .fd = -1};
}

/* Forgets the exchange, but not what has come of it. */
static void
answer_hang_up(struct answer *answer)
{
    if (answer->fd >= 0) {
        close(answer->fd);
        answer->fd = -1;
    }
    document_free(answer->document);
    answer->document = NULL;
    answer->n_sent = 0;
    answer->n_memory = 0;
}

void
answer_end(struct answer *answer, enum answer_state state, char *reason)
{
    answer_hang_up(answer);
    process_free(answer->process);
    free(answer->reason);
    answer->process = NULL;
    answer->state = state;
    answer->reason = reason;
}

static void
answer_fail(struct answer *answer, const char *what, int error)
{
    answer_end(answer, ANSWER_FAILED, alloc_format("%s: %s", what, strerror(error)));
}

/* What is no socket, as part of a sentence. */
static const char *
file_kind(mode_t mode)
{
    return S_ISREG(mode)   ? "a file"
           : S_ISDIR(mode) ? "a directory"
           : S_ISLNK(mode) ? "a link"
                           : "a device or pipe";
}

/* Whether an open file is the socket that was found; ends the exchange if not. */
static bool
answer_admits_file(struct answer *answer, int file)
{
    const struct target *target = answer->target;
    struct stat status;

    if (fstat(file, &status) != 0) {
        answer_fail(answer, "cannot connect", errno);
        return false;
    }
    if (!S_ISSOCK(status.st_mode)) {
        answer_end(answer, ANSWER_FAILED,
                   alloc_format("it is no socket, but %s", file_kind(status.st_mode)));
        return false;
    }
    if (!target->by_path && status.st_uid != target->owner) {
        answer_end(answer, ANSWER_FAILED,
                   alloc_copy("another user's socket has taken its place: not asked"));
        return false;
    }
    if (!target->by_path && (status.st_ino != target->inode || status.st_dev != target->device)) {
        answer_end(answer, ANSWER_GONE, alloc_copy("another socket has taken its place"));
        return false;
    }
    return true;
}

/*
 * Connects by an open descriptor of the socket's file: what was looked at is what is connected to,
 * whoever renames what meanwhile, and the path may have more than the 107 bytes of an address.
 * Returns 0 or an errno.
 */
static int
connect_to_file(int fd, int file)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", file);
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
    answer->gid = peer.gid;
    answer->pid = peer.pid;
    if (target->guarded && peer.uid != geteuid() && peer.uid != 0 && geteuid() != 0) {
        answer_end(answer, ANSWER_FAILED,
                   alloc_format("user %u answers there: not asked; name the socket with -S to ask",
                                (unsigned int)peer.uid));
        return false;
    }
    if (target->pid != 0 && target->pid != peer.pid) {
        answer_end(answer, ANSWER_FAILED,
                   alloc_format("process %d of user %u answers there, not process %d: not asked",
                                (int)peer.pid, (unsigned int)peer.uid, (int)target->pid));
        return false;
    }
    return true;
}

static void
answer_end_stopped(struct answer *answer)
{
    answer->halt = HALT_STOPPED;
    answer_end(answer, ANSWER_LATE, alloc_copy("the process is stopped; kill -CONT resumes it"));
}

static void
answer_end_traced(struct answer *answer, pid_t pid)
{
    pid_t tracer = proc_tracer(pid);
    char *program = tracer > 0 ? proc_program(tracer) : NULL;
    char *who =
        program != NULL ? alloc_format(" (%s, process %d)", program, (int)tracer) : alloc_copy("");

    answer->halt = HALT_TRACED;
    answer_end(answer, ANSWER_LATE,
               alloc_format("the process is stopped by a debugger%s: continue it there", who));
    free(program);
    free(who);
}

/* Who is asked: before there is a connection, the path tells. */
static pid_t
answer_pid(const struct answer *answer)
{
    return answer->pid > 0 ? answer->pid : proc_pid_of_path(answer->target->path);
}

static void
answer_set_due(struct answer *answer)
{
    int64_t due_ns = answer->deadline_ns;

    due_ns = answer->retry_ns < due_ns ? answer->retry_ns : due_ns;
    answer->due_ns = answer->look_ns < due_ns ? answer->look_ns : due_ns;
}

/* A process that is stopped is not waited for. Whether a debugger stops it for longer than for a
 * look is seen a moment later. */
static void
answer_look_whether_stopped(struct answer *answer)
{
    pid_t pid = answer_pid(answer);
    char state = pid > 0 ? proc_state(pid) : '\0';

    if (state == 'T') {
        answer_end_stopped(answer);
    } else if (state == 't') {
        answer->activity = proc_activity(pid);
        answer->look_ns = clock_now_ns() + ANSWER_TRACE_NS;
        answer_set_due(answer);
    }
}

static void
answer_begin_document(struct answer *answer)
{
    struct source source = {
        .origin = answer->target->path,
        .kind = answer->request->kind,
        .keeps_text = answer->request->keeps_text,
        .max_bytes = ANSWER_MAX_TEXT,
    };

    answer->document = document_begin(&source);
    answer->n_memory = document_memory(answer->document);
    answer->state = ANSWER_TALKING;
    answer->retry_ns = INT64_MAX;
    answer_set_due(answer);
}

/* Tries to connect again later. */
static void
answer_retry(struct answer *answer)
{
    bool first = answer->state == ANSWER_WAITING;

    answer->pause_ns =
        answer->pause_ns * 2 < ANSWER_RETRY_MAX_NS ? answer->pause_ns * 2 : ANSWER_RETRY_MAX_NS;
    answer->state = ANSWER_CONNECTING;
    answer->retry_ns = clock_now_ns() + answer->pause_ns;
    answer_set_due(answer);
    if (first) {
        answer_look_whether_stopped(answer);
    }
}

static void
answer_end_gone(struct answer *answer, int error)
{
    struct stat status;

    answer->vanished = lstat(answer->target->path, &status) != 0;
    answer_end(answer, ANSWER_GONE,
               answer->asked_again
                   ? alloc_copy("the process has ended while it was asked")
                   : alloc_format("cannot connect: %s; no program exports there (any more)",
                                  strerror(error)));
}

/* What came of a try to connect: 0 or an errno. */
static void
answer_take_connection(struct answer *answer, int error)
{
    if (error == EAGAIN || error == EINTR) {
        answer_retry(answer);
    } else if (error == ENOENT || error == ECONNREFUSED) {
        answer_end_gone(answer, error);
    } else if (error != 0) {
        answer_fail(answer, "cannot connect", error);
    } else if (answer_admits_peer(answer)) {
        answer_begin_document(answer);
        answer_look_whether_stopped(answer);
    }
}

/* Returns 0, or EMFILE or ENFILE. */
static int
answer_connect(struct answer *answer)
{
    const struct target *target = answer->target;
    int file =
        target->by_path ? open(target->path, O_PATH | O_CLOEXEC) : place_open(target->path, O_PATH);
    int error = file < 0 ? errno : 0;

    if (file >= 0 && answer->fd < 0) {
        answer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        error = answer->fd < 0 ? errno : 0;
    }
    if (error == 0 && !answer_admits_file(answer, file)) {
        close(file);
        return 0;
    }
    if (error == 0) {
        error = connect_to_file(answer->fd, file);
    }
    if (file >= 0) {
        close(file);
    }
    if (error != EMFILE && error != ENFILE) {
        answer_take_connection(answer, error);
        return 0;
    }
    return error;
}

int
answer_start(struct answer *answer, int64_t end_ns)
{
    int64_t now_ns = clock_now_ns(), own_ns = now_ns + ANSWER_DEADLINE_NS;

    answer->started_ns = now_ns;
    answer->deadline_ns = own_ns < end_ns ? own_ns : end_ns;
    answer->retry_ns = answer->look_ns = INT64_MAX;
    answer->pause_ns = ANSWER_RETRY_NS / 2;
    return answer_connect(answer);
}

bool
answer_is_open(const struct answer *answer)
{
    return answer->state == ANSWER_CONNECTING || answer->state == ANSWER_TALKING;
}

short
answer_events(const struct answer *answer)
{
    if (answer->state != ANSWER_TALKING) {
        return 0;
    }
    return answer->n_sent < answer->request->n_bytes ? POLLOUT : POLLIN;
}

static void
answer_send(struct answer *answer)
{
    const struct request *request = answer->request;
    size_t rest = request->n_bytes - answer->n_sent;
    ssize_t n = send(answer->fd, request->line + answer->n_sent, rest, MSG_NOSIGNAL);

    if (n >= 0) {
        answer->n_sent += (size_t)n;
    } else if (errno == EPIPE || errno == ECONNRESET) {
        /* Closed before we had asked: what it said, if anything, is read all the same. */
        answer->n_sent = request->n_bytes;
    } else if (errno != EAGAIN && errno != EINTR) {
        answer_fail(answer, "cannot ask", errno);
    }
}

/* Whether the document is that of who has sent it; ends the exchange if not. */
static bool
answer_admits_process(struct answer *answer, struct process *process)
{
    process->own_number = process->pid == answer->pid;
    process->verified = answer->pid > 0 && proc_has_number(answer->pid, process->pid);
    if (process->verified || answer->pid <= 0 || answer->target->by_path) {
        return true;
    }
    if (!proc_is_alive(answer->pid)) {
        answer->asked_again = true;
        answer_end_gone(answer, ESRCH);
    } else {
        answer_end(answer, ANSWER_FAILED,
                   alloc_format("process %d of user %u says that it is process %" PRId64
                                ": not believed",
                                (int)answer->pid, (unsigned int)answer->uid, process->pid));
    }
    return false;
}

/* What labels cost that are longer than usual, as each pool's lines have them. */
static size_t
process_label_memory(const struct process *process)
{
    size_t n_bytes = strlen(process->origin);

    n_bytes += process->program != NULL ? strlen(process->program) : 0;
    return n_bytes > ANSWER_USUAL_LABELS ? process->n_pools * n_bytes * 4 : 0;
}

/* Takes the document, all of which is there. */
static void
answer_complete(struct answer *answer)
{
    struct report read = {0};
    struct process *process;
    size_t n_memory = answer->n_memory;

    if (!document_finish(answer->document, &read)) {
        answer_end(answer, ANSWER_FAILED, alloc_copy(document_reason(answer->document)));
        return;
    }
    process = read.processes[0];
    free(read.processes);
    if (!answer_admits_process(answer, process)) {
        process_free(process);
        return;
    }
    process->from_socket = true;
    process->peer_pid = answer->pid;
    process->peer_uid = answer->uid;
    process->peer_gid = answer->gid;
    answer_end(answer, ANSWER_COMPLETE, NULL);
    answer->process = process;
    answer->n_memory = n_memory + process_label_memory(process);
}

/*
 * It has hung up in the middle. A process that ends does that, and one whose places are all taken:
 * whether it is still there shows when it is asked once more.
 */
static void
answer_lose(struct answer *answer)
{
    if (!answer->asked_again) {
        answer->asked_again = true;
        answer_hang_up(answer);
        answer_retry(answer);
    } else if (answer->pid > 0 && !proc_is_alive(answer->pid)) {
        answer_end_gone(answer, ECONNRESET);
    } else if (answer->n_text == 0) {
        answer_end(answer, ANSWER_FAILED,
                   alloc_copy("closed without an answer: it may refuse this user"));
    } else {
        document_finish(answer->document, NULL);
        answer_end(answer, ANSWER_FAILED, alloc_copy(document_reason(answer->document)));
    }
}

static void
answer_take(struct answer *answer, const char *bytes, size_t n)
{
    answer->n_text += n;
    if (!document_feed(answer->document, bytes, n)) {
        answer_end(answer, ANSWER_FAILED, alloc_copy(document_reason(answer->document)));
        return;
    }
    answer->n_memory = document_memory(answer->document);
}

/* One read at a time, so that a server that never stops cannot keep us from the others. */
static void
answer_receive(struct answer *answer, char *buffer, size_t room)
{
    ssize_t n = recv(answer->fd, buffer, room, 0);

    if (n > 0) {
        answer_take(answer, buffer, (size_t)n);
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    } else if (n < 0 && errno != ECONNRESET) {
        answer_fail(answer, "cannot read the answer", errno);
    } else if (document_is_cut(answer->document)) {
        answer_lose(answer);
    } else {
        answer_complete(answer);
    }
}

void
answer_step(struct answer *answer, char *buffer, size_t room)
{
    if (answer->n_sent < answer->request->n_bytes) {
        answer_send(answer);
    } else {
        answer_receive(answer, buffer, room);
    }
}

/* Whether the debugger has not let it run since it was looked at. */
static bool
answer_is_held(const struct answer *answer)
{
    struct proc_activity now = proc_activity(answer_pid(answer));

    return answer->n_text == 0 && now.state == 't' && now.switches == answer->activity.switches;
}

static void
answer_expire(struct answer *answer)
{
    pid_t pid = answer_pid(answer);
    char state = pid > 0 ? proc_activity(pid).state : '\0';
    bool whole = answer->deadline_ns - answer->started_ns >= ANSWER_DEADLINE_NS;

    if (state == 'T') {
        answer_end_stopped(answer);
    } else if (state == 't') {
        answer_end_traced(answer, pid);
    } else if (answer->request->kind == DOCUMENT_CHECKS && !answer->prolonged) {
        answer->prolonged = true;
        answer->deadline_ns += ANSWER_WALK_NS - ANSWER_DEADLINE_NS;
        answer_set_due(answer);
    } else if (!whole) {
        answer_end(answer, ANSWER_LATE, alloc_copy("no answer: too many others were asked"));
    } else {
        answer_end(answer, ANSWER_LATE,
                   alloc_format("%s within %d seconds",
                                answer->n_text > 0 ? "the answer did not end" : "no answer",
                                answer->prolonged ? 10 : 2));
    }
}

void
answer_tick(struct answer *answer, int64_t now_ns)
{
    if (now_ns >= answer->deadline_ns) {
        answer_expire(answer);
        return;
    }
    if (now_ns >= answer->look_ns) {
        answer->look_ns = INT64_MAX;
        if (answer_is_held(answer)) {
            answer_end_traced(answer, answer_pid(answer));
            return;
        }
    }
    if (now_ns >= answer->retry_ns) {
        /* Without a descriptor it is tried again, too. */
        if (answer_connect(answer) != 0) {
            answer_retry(answer);
        }
        return;
    }
    answer_set_due(answer);
}

void
answer_free(struct answer *answer)
{
    answer_end(answer, answer->state, NULL);
}
