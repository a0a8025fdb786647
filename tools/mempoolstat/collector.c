/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "alloc.h"
#include "document.h"
#include "holding.h"
#include "message.h"
#include "symbol.h"

enum collector_state {
    COLLECTOR_IDLE,
    COLLECTOR_WANTED,
    COLLECTOR_WORKING,
    COLLECTOR_READY,
    COLLECTOR_ENDING,
};

static struct {
    pthread_t thread;
    int fd;
    const struct options *options;
    pthread_mutex_t mutex; /* guards what follows, except that findings are the thread's while it
                              works, and the owner's otherwise */
    pthread_cond_t wanted;
    enum collector_state state;
    struct wish wish;
    struct findings findings;
} collector = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wanted = PTHREAD_COND_INITIALIZER};

static bool
name_is_wished(const char *name, const void *wish)
{
    return strcmp(name, ((const struct wish *)wish)->name) == 0;
}

static bool
none_is_wished(const char *name, const void *wish)
{
    return false;
}

/* Which of those that have its name a pool is; n_holdings if it is gone. */
static size_t
holding_number(const struct process *process, const struct wish *wish)
{
    bool by_id = false;

    for (size_t i = 0; i < process->n_holdings && wish->id != MODEL_ABSENT; i++) {
        if (process->holdings[i].id == wish->id) {
            return i;
        }
        by_id = by_id || process->holdings[i].id != MODEL_ABSENT;
    }
    return !by_id && wish->number < process->n_holdings ? wish->number : process->n_holdings;
}

/* Leaves only the holding of the pool that is meant, of several that have its name. */
static void
holders_choose(struct process *process, const struct wish *wish)
{
    size_t number;

    document_keep(process, name_is_wished, wish);
    number = holding_number(process, wish);
    if (number < process->n_holdings) {
        struct holding first = process->holdings[0];

        process->holdings[0] = process->holdings[number];
        process->holdings[number] = first;
    } else {
        document_keep(process, none_is_wished, NULL);
    }
}

/* Takes the answer about holders. Returns NULL, or why there are none. */
static char *
holders_take(struct answer *answer, const struct wish *wish, struct process **holders)
{
    int64_t left_ns = SYMBOL_BUDGET_NS;

    if (answer->state != ANSWER_COMPLETE) {
        return alloc_copy(answer->reason);
    }
    *holders = answer->process;
    answer->process = NULL;
    holders_choose(*holders, wish);
    symbol_find_lines(*holders, &left_ns);
    return NULL;
}

static void
holders_gather(const struct wish *wish, struct findings *findings)
{
    char *glob = request_glob_of(wish->name);
    struct request request = request_make(DOCUMENT_HOLDERS, glob);
    struct target_list targets = {0};
    struct answer answer;

    discover_path(&targets, wish->path);
    targets.targets[0].guarded = collector.options->n_sockets == 0;
    targets.targets[0].pid = wish->pid;
    client_ask(&targets, &request, &answer, 0);
    findings->reason = holders_take(&answer, wish, &findings->holders);
    answer_free(&answer);
    discover_free(&targets);
    request_free(&request);
    free(glob);
}

static void
wish_free(struct wish *wish)
{
    free(wish->path);
    free(wish->name);
    *wish = (struct wish){0};
}

static void
collector_work(struct wish *wish, struct findings *findings)
{
    *findings = (struct findings){0};
    collection_gather(collector.options, &findings->collection);
    if (wish->path != NULL) {
        holders_gather(wish, findings);
    }
    wish_free(wish);
}

static void
collector_tell(void)
{
    static const uint64_t one = 1;

    /* It cannot fail: the owner takes the 1 before it asks again. */
    if (write(collector.fd, &one, sizeof(one)) < 0) {
        return;
    }
}

static void *
collector_run(void *arg)
{
    pthread_mutex_lock(&collector.mutex);
    while (collector.state != COLLECTOR_ENDING) {
        if (collector.state != COLLECTOR_WANTED) {
            pthread_cond_wait(&collector.wanted, &collector.mutex);
            continue;
        }
        collector.state = COLLECTOR_WORKING;
        pthread_mutex_unlock(&collector.mutex);
        collector_work(&collector.wish, &collector.findings);
        pthread_mutex_lock(&collector.mutex);
        collector.state = COLLECTOR_READY;
        collector_tell();
    }
    pthread_mutex_unlock(&collector.mutex);
    return NULL;
}

/* Signals are the owner's, but for those that a fault raises: blocked, they would kill unhandled.
 */
static int
thread_create(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t others, before;
    int error;

    sigfillset(&others);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigdelset(&others, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &others, &before);
    error = pthread_create(&collector.thread, NULL, collector_run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

bool
collector_start(const struct options *options)
{
    int error = 0;

    collector.options = options;
    collector.state = COLLECTOR_IDLE;
    collector.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (collector.fd < 0) {
        error = errno;
    } else {
        error = thread_create();
    }
    if (error != 0) {
        message_print("cannot start a thread: %s", strerror(error));
    }
    return error == 0;
}

int
collector_fd(void)
{
    return collector.fd;
}

void
collector_ask(struct wish wish)
{
    pthread_mutex_lock(&collector.mutex);
    collector.wish = wish;
    collector.state = COLLECTOR_WANTED;
    pthread_cond_signal(&collector.wanted);
    pthread_mutex_unlock(&collector.mutex);
}

bool
collector_is_busy(void)
{
    bool busy;

    pthread_mutex_lock(&collector.mutex);
    busy = collector.state != COLLECTOR_IDLE;
    pthread_mutex_unlock(&collector.mutex);
    return busy;
}

bool
collector_take(struct findings *findings)
{
    bool ready;

    pthread_mutex_lock(&collector.mutex);
    ready = collector.state == COLLECTOR_READY;
    if (ready) {
        uint64_t taken;

        collector.state = COLLECTOR_IDLE;
        *findings = collector.findings;
        ready = read(collector.fd, &taken, sizeof(taken)) == sizeof(taken);
    }
    pthread_mutex_unlock(&collector.mutex);
    return ready;
}

bool
collector_stop(void)
{
    bool idle;

    pthread_mutex_lock(&collector.mutex);
    idle = collector.state == COLLECTOR_IDLE;
    if (idle) {
        collector.state = COLLECTOR_ENDING;
        pthread_cond_signal(&collector.wanted);
    }
    pthread_mutex_unlock(&collector.mutex);
    if (idle) {
        pthread_join(collector.thread, NULL);
        close(collector.fd);
    }
    return idle;
}
