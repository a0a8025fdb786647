/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "client.h"
#include "clock.h"
#include "discover.h"
#include "document.h"
#include "exporter.h"
#include "message.h"

/* What may be read of a file, and what it may take in memory: the user has chosen it. */
#define FILE_MAX_TEXT   ((size_t)1 << 30)
#define FILE_MAX_MEMORY ((size_t)512 << 20)
#define FILE_READ_BYTES ((size_t)64 << 10)

/* Reads a document to the end of a file. Returns NULL, or what is wrong. */
static char *
file_read(int fd, struct document *document, struct report *report)
{
    char *buffer = alloc_array(NULL, FILE_READ_BYTES, 1), *reason = NULL;
    ssize_t n = 1;

    while (n != 0 && reason == NULL) {
        n = read(fd, buffer, FILE_READ_BYTES);
        if (n < 0 && errno != EINTR) {
            reason = alloc_format("cannot read: %s", strerror(errno));
        } else if (n > 0 && !document_feed(document, buffer, (size_t)n)) {
            reason = alloc_copy(document_reason(document));
        } else if (document_memory(document) > FILE_MAX_MEMORY) {
            reason = alloc_copy("too large to be a document of osmempool");
        }
    }
    if (reason == NULL && !document_finish(document, report)) {
        reason = alloc_copy(document_reason(document));
    }
    free(buffer);
    return reason;
}

/* Whether the user wants to see a pool of that name. */
static bool
holding_is_chosen(const char *name, const void *options)
{
    return choice_admits(&((const struct options *)options)->choice, name);
}

bool
collect_file(const struct options *options, const char *path, struct report *report)
{
    bool standard = strcmp(path, "-") == 0;
    const char *origin = standard ? "standard input" : path;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct document *document = document_begin(&(struct source){
        .origin = origin,
        .kind = options->kind,
        .or_array = true,
        .keeps_text = options->render == render_json,
        .max_bytes = FILE_MAX_TEXT,
    });
    char *reason =
        fd < 0 ? alloc_format("cannot read: %s", strerror(errno)) : file_read(fd, document, report);

    if (reason != NULL) {
        message_print("%s: %s", origin, reason);
    }
    for (size_t i = 0; options->kind == DOCUMENT_HOLDERS && i < report->n_shown; i++) {
        document_keep(report->processes[i], holding_is_chosen, options);
    }
    if (fd >= 0 && !standard) {
        close(fd);
    }
    document_free(document);
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

/* Whether pools should be there that are not in the report. */
static bool
answer_is_missed(const struct answer *answer)
{
    if (answer->state == ANSWER_COMPLETE) {
        return false;
    }
    return answer->state == ANSWER_GONE ? answer->target->named
                                        : answer_is_worth_a_message(answer, false);
}

static void
collect_process(const struct options *options, struct answer *answer, struct report *report)
{
    struct process *process = answer->process;

    if (options->kind == DOCUMENT_HOLDERS) {
        document_keep(process, holding_is_chosen, options);
    }
    /* Two guesses may both be right. */
    if (!answer->target->guess || report_find(report, process) == NULL) {
        process->user = user_name(answer->uid);
        report_show(report, process);
        answer->process = NULL;
    }
}

/* Whether there is, or was, a process that should have answered: one that is late, or a socket that
 * was left behind. */
static bool
answer_tells_of_process(const struct answer *answer)
{
    return answer->state == ANSWER_LATE ||
           (answer->state == ANSWER_GONE && answer->target->exists && !answer->vanished &&
            !answer->target->guess);
}

/* Shows who answered, and notes who did not. */
static void
collect_answer(const struct options *options, struct answer *answer, struct report *report)
{
    if (answer->state == ANSWER_COMPLETE) {
        collect_process(options, answer, report);
    } else if (answer_tells_of_process(answer)) {
        uid_t uid = answer->pid > 0 ? answer->uid : answer->target->owner;

        absent_add(&report->absent, answer, user_name(uid));
    }
    if (answer_is_missed(answer)) {
        struct unread unread = {answer->target->path, answer->pid > 0 ? answer->pid : MODEL_ABSENT,
                                answer->target->owner};

        answer->counted = !report_miss(report, &unread);
    }
}

/* Says why there was no answer, unless that was said last time. Whether there is something to say.
 */
static bool
message_answer(const struct answer *answer, const struct report *earlier)
{
    const char *path = answer->target->path;

    if (answer->state == ANSWER_COMPLETE || !answer_is_worth_a_message(answer, earlier == NULL)) {
        return false;
    }
    if (!answer->counted && (earlier == NULL || !report_misses(earlier, path))) {
        message_print("%s: %s", path, answer->reason);
    }
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
            before->late = true;
            report_share(report, before);
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
    size_t n_sockets;

    free(exporter_find(pid, &n_sockets, clock_now_ns() + CLOCK_SECOND_NS));
    if (n_sockets > 1) {
        message_print("process %d exports, but which of its %zu sockets is for that is not known; "
                      "name it with -S",
                      (int)pid, n_sockets);
    } else if (kill(pid, 0) != 0 && errno == ESRCH) {
        message_print("process %d does not exist; mempoolstat -l shows those that can be read",
                      (int)pid);
    } else {
        message_print("process %d has no socket in %s; start it with OSMEMPOOL_EXPORT=1, or name "
                      "its socket with -S",
                      (int)pid, targets->searched);
    }
}

/* Says what was not looked at, or not told one by one. */
static void
message_limits(const struct target_list *targets, const struct report *report)
{
    if (report->n_missed > report->n_unread) {
        message_print("%zu more sockets could not be read", report->n_missed - report->n_unread);
    }
    if (targets->n_passed_over > 0) {
        message_print("%zu sockets were passed over: there are too many", targets->n_passed_over);
    }
    if (targets->cut) {
        message_print("not everything was searched: there are too many directories, sockets or "
                      "processes");
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

static struct request
request_for(const struct options *options, const char *glob)
{
    struct request request = request_make(options->kind, glob);

    request.keeps_text = options->render == render_json;
    return request;
}

/* The memory that the documents of answers take, wherever they are now. */
static size_t
answers_memory(const struct answer *answers, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += answers[i].n_memory;
    }
    return sum;
}

/* One of several globs: which pools are not shown already because an earlier one matches them. */
struct turn {
    const struct options *options;
    size_t number;
};

static bool
name_is_new(const char *name, const void *arg)
{
    const struct turn *turn = arg;

    for (size_t i = 0; i < turn->number; i++) {
        if (fnmatch(turn->options->choice.globs[i], name, 0) == 0) {
            return false;
        }
    }
    return true;
}

/* What the answer to the next glob adds to the process that has answered before. */
static void
collect_addition(const struct turn *turn, struct answer *answer, struct report *report)
{
    struct process *before;

    if (answer->state != ANSWER_COMPLETE) {
        message_print("%s: %s", answer->target->path, answer->reason);
        return;
    }
    before = report_find(report, answer->process);
    process_select(answer->process, &turn->options->choice);
    if (answer->process->n_rows > 0) {
        turn->options->choice.matched[turn->number] = true;
    }
    if (before != NULL) {
        document_add(before, answer->process, name_is_new, turn);
    }
}

/* Asks those who have answered about the first glob about another. */
static void
collect_turn(const struct turn *turn, const struct target_list *targets,
             const struct answer *earlier, struct report *report)
{
    struct request request = request_for(turn->options, turn->options->choice.globs[turn->number]);
    struct target_list asked = {.targets =
                                    alloc_array(NULL, targets->n_targets, sizeof(struct target))};
    struct answer *answers = alloc_array(NULL, targets->n_targets, sizeof(*answers));

    for (size_t i = 0; i < targets->n_targets; i++) {
        if (earlier[i].state == ANSWER_COMPLETE) {
            asked.targets[asked.n_targets++] = targets->targets[i];
        }
    }
    client_ask(&asked, &request, answers, answers_memory(earlier, targets->n_targets));
    for (size_t i = 0; i < asked.n_targets; i++) {
        collect_addition(turn, &answers[i], report);
        answer_free(&answers[i]);
    }
    free(answers);
    free(asked.targets);
    request_free(&request);
}

/* The first request. Of holders too many do no harm, and the right ones are chosen afterwards. */
static struct request
request_first(const struct options *options)
{
    const struct choice *choice = &options->choice;
    bool one = choice->n_globs == 1 && request_can_hold(choice->globs[0]);

    if (choice->n_globs == 0 || (options->kind == DOCUMENT_HOLDERS && !one)) {
        return request_for(options, "*");
    }
    return request_for(options, choice->globs[0]);
}

/* Whether each glob is a question of its own. */
static bool
kind_asks_by_glob(enum document_kind kind)
{
    return kind == DOCUMENT_CHECKS || kind == DOCUMENT_RESET;
}

/* What is only known from the answers: which globs match. */
static void
collect_turns(const struct options *options, const struct target_list *targets,
              const struct answer *answers, struct report *report)
{
    const struct choice *choice = &options->choice;

    if (!kind_asks_by_glob(options->kind) || choice->n_globs == 0) {
        return;
    }
    for (size_t i = 0; i < report->n_shown; i++) {
        process_select(report->processes[i], choice);
        choice->matched[0] = choice->matched[0] || report->processes[i]->n_rows > 0;
    }
    for (size_t i = 1; i < choice->n_globs; i++) {
        collect_turn(&(struct turn){options, i}, targets, answers, report);
    }
}

void
collection_gather(const struct options *options, struct collection *collection)
{
    struct target_list *targets = &collection->targets;

    *collection = (struct collection){.request = request_first(options)};
    collect_targets(options, targets);
    collection->answers = alloc_array(NULL, targets->n_targets, sizeof(struct answer));
    client_ask(targets, &collection->request, collection->answers, 0);
    for (size_t i = 0; i < targets->n_targets; i++) {
        struct answer *answer = &collection->answers[i];

        collect_answer(options, answer, &collection->report);
        collection->late = collection->late || answer->state == ANSWER_LATE;
    }
    collect_turns(options, targets, collection->answers, &collection->report);
}

bool
collection_finish(const struct options *options, struct collection *collection,
                  struct report *earlier, struct report *report)
{
    const struct target_list *targets = &collection->targets;
    bool said = false;

    for (size_t i = 0; i < targets->n_targets; i++) {
        said = message_answer(&collection->answers[i], earlier) || said;
    }
    *report = collection->report;
    if (earlier == NULL) {
        message_limits(targets, report);
        message_missing(options, targets, collection->answers,
                        said || collect_has_rows(options, report));
    } else {
        collect_changes(earlier, report, collection->answers, targets->n_targets);
        if (report->n_shown == 0 && !collection->late && earlier->n_processes > 0) {
            message_print("no process is left");
        }
    }
    for (size_t i = 0; i < targets->n_targets; i++) {
        answer_free(&collection->answers[i]);
    }
    free(collection->answers);
    request_free(&collection->request);
    discover_free(&collection->targets);
    return collect_has_rows(options, report) || (earlier != NULL && collection->late);
}

bool
collect_report(const struct options *options, struct report *earlier, struct report *report)
{
    struct collection collection;

    if (options->file != NULL) {
        return collect_file(options, options->file, report);
    }
    collection_gather(options, &collection);
    return collection_finish(options, &collection, earlier, report);
}
