/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "client.h"
#include "discover.h"
#include "document.h"
#include "message.h"

/* All of a file, up to one byte more than a document may have. Returns 0 or an errno. */
static int
file_read(int fd, char **bytes, size_t *n_bytes)
{
    size_t room = 0;

    while (*n_bytes <= DOCUMENT_MAX_BYTES) {
        ssize_t n;

        if (*n_bytes == room) {
            room = room * 2 + ((size_t)64 << 10);
            *bytes = alloc_array(*bytes, room, 1);
        }
        n = read(fd, *bytes + *n_bytes, room - *n_bytes);
        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        *n_bytes += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static bool
collect_file(const char *path, struct report *report)
{
    bool standard = strcmp(path, "-") == 0;
    const char *origin = standard ? "standard input" : path;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = NULL, *reason = NULL;
    size_t n_bytes = 0;
    int error = fd < 0 ? errno : file_read(fd, &bytes, &n_bytes);

    if (error != 0) {
        message_print("%s: cannot read: %s", origin, strerror(error));
    } else if (!document_read(bytes, n_bytes, origin, true, report, &reason)) {
        message_print("%s: %s", origin, reason);
    }
    if (fd >= 0 && !standard) {
        close(fd);
    }
    free(bytes);
    free(reason);
    return report->n_shown > 0;
}

static void
collect_targets(const struct options *options, struct target_list *targets)
{
    for (size_t i = 0; i < options->n_sockets; i++) {
        discover_path(targets, options->sockets[i]);
    }
    for (size_t i = 0; i < options->n_pids; i++) {
        discover_pid(targets, options->pids[i]);
    }
    if (options->n_sockets == 0 && options->n_pids == 0) {
        discover_all(targets);
    }
}

static char *
user_name(uid_t uid)
{
    const struct passwd *user = getpwuid(uid);

    return user != NULL ? alloc_copy(user->pw_name) : alloc_format("%u", (unsigned int)uid);
}

/* Whether the user wants to read that this exchange failed. */
static bool
answer_is_worth_a_message(const struct answer *answer, bool first)
{
    if (answer->state == ANSWER_GONE) {
        /* What a program left behind, or what ended while we watched it. */
        return answer->target->named && first;
    }
    /* A process listens for other things too. */
    return !answer->target->guess || answer->state == ANSWER_LATE;
}

static void
collect_document(struct answer *answer, struct report *report)
{
    struct report read = {0};

    if (!document_read(answer->bytes, answer->n_bytes, answer->target->path, false, &read,
                       &answer->reason)) {
        answer->state = ANSWER_FAILED;
        return;
    }
    /* Two guesses may both be right. */
    if (!answer->target->guess || report_find(report, read.processes[0]) == NULL) {
        read.processes[0]->user = user_name(answer->uid);
        report_show(report, read.processes[0]);
        read.n_processes = 0;
    }
    report_clear(&read);
}

/* Whether there is, or was, a process that should have answered: one that is late, or a socket that
 * was left behind. */
static bool
answer_tells_of_process(const struct answer *answer)
{
    return answer->state == ANSWER_LATE ||
           (answer->state == ANSWER_GONE && answer->target->exists && !answer->target->guess);
}

/* Shows who answered, or says why not. Returns whether a message was printed. */
static bool
collect_answer(struct answer *answer, bool first, struct report *report)
{
    if (answer->state == ANSWER_COMPLETE) {
        collect_document(answer, report);
    } else if (answer_tells_of_process(answer)) {
        uid_t uid = answer->pid > 0 ? answer->uid : answer->target->owner;

        absent_add(&report->absent, answer, user_name(uid));
    }
    if (answer->state == ANSWER_COMPLETE || !answer_is_worth_a_message(answer, first)) {
        return false;
    }
    message_print("%s: %s", answer->target->path, answer->reason);
    return true;
}

static bool
process_is_late(const struct process *process, const struct answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (answers[i].state == ANSWER_LATE &&
            strcmp(answers[i].target->path, process->origin) == 0) {
            return true;
        }
    }
    return false;
}

/* Rates since the last report, and what has become of the processes of that one. */
static void
collect_changes(struct report *earlier, struct report *report, const struct answer *answers,
                size_t n_answers)
{
    for (size_t i = 0; i < report->n_shown; i++) {
        const struct process *before = report_find(earlier, report->processes[i]);

        if (before != NULL) {
            process_rate_since(report->processes[i], before);
        }
    }
    for (size_t i = earlier->n_processes; i-- > 0;) {
        struct process *before = earlier->processes[i];

        if (report_find(report, before) != NULL) {
            continue;
        }
        if (process_is_late(before, answers, n_answers)) {
            report_keep(report, before);
            earlier->processes[i] = earlier->processes[--earlier->n_processes];
        } else {
            message_print("%s: process %" PRId64 " has ended, or exports no longer", before->origin,
                          before->pid);
        }
    }
}

/* Whether something was heard of a process, be it that it does not answer. */
static bool
pid_is_resolved(pid_t pid, const struct answer *answers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct target *target = answers[i].target;
        enum answer_state state = answers[i].state;

        if (target->pid == pid &&
            (!target->guess || state == ANSWER_COMPLETE || state == ANSWER_LATE)) {
            return true;
        }
    }
    return false;
}

static void
message_no_socket(pid_t pid, const struct target_list *targets)
{
    if (kill(pid, 0) != 0 && errno == ESRCH) {
        message_print("process %d does not exist; mempoolstat -l shows those that can be read",
                      (int)pid);
    } else {
        message_print("process %d has no socket in %s; start it with OSMEMPOOL_EXPORT=1, or name "
                      "its socket with -S",
                      (int)pid, targets->searched);
    }
}

/* Says what was not found at all; said is whether something was said already. */
static void
message_missing(const struct options *options, const struct target_list *targets,
                const struct answer *answers, bool said)
{
    for (size_t i = 0; i < options->n_pids; i++) {
        if (!pid_is_resolved(options->pids[i], answers, targets->n_targets)) {
            message_no_socket(options->pids[i], targets);
        }
    }
    if (!said && options->n_sockets == 0 && options->n_pids == 0) {
        message_print("no program exports its pools in %s; start one with OSMEMPOOL_EXPORT=1",
                      targets->searched);
    }
}

bool
collect_has_rows(const struct options *options, const struct report *report)
{
    return report->n_shown > 0 || (options->render == render_list && report->absent.n_absents > 0);
}

static bool
collect_live(const struct options *options, struct report *earlier, struct report *report)
{
    bool first = earlier == NULL, late = false, said = false;
    struct target_list targets = {0};
    struct answer *answers;

    collect_targets(options, &targets);
    answers = alloc_array(NULL, targets.n_targets, sizeof(*answers));
    client_ask(&targets, answers);
    for (size_t i = 0; i < targets.n_targets; i++) {
        said = collect_answer(&answers[i], first, report) || said;
        late = late || answers[i].state == ANSWER_LATE;
    }
    if (first) {
        message_missing(options, &targets, answers, said || collect_has_rows(options, report));
    } else {
        collect_changes(earlier, report, answers, targets.n_targets);
        if (report->n_shown == 0 && !late) {
            message_print("no process is left");
        }
    }
    for (size_t i = 0; i < targets.n_targets; i++) {
        answer_free(&answers[i]);
    }
    free(answers);
    discover_free(&targets);
    return collect_has_rows(options, report) || (!first && late);
}

bool
collect_report(const struct options *options, struct report *earlier, struct report *report)
{
    if (options->file != NULL) {
        return collect_file(options->file, report);
    }
    return collect_live(options, earlier, report);
}
