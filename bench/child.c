/* SPDX-License-Identifier: Apache-2.0 */
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "die.h"

#define ANSWER_BYTES 512

/* A preload that does not exist is the loader's complaint; the probe looks without noise. */
static void
silence_stderr(void)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        dup2(fd, STDERR_FILENO);
    }
}

__attribute__((noreturn)) static void
child_exec(const struct contestant *who, const char *case_name, int requests, int answers)
{
    if (who->preload != NULL) {
        setenv("LD_PRELOAD", who->preload, 1);
    } else {
        unsetenv("LD_PRELOAD");
    }
    if (who->words != NULL) {
        setenv("OSMEMPOOL_DEBUG", who->words, 1);
    } else {
        unsetenv("OSMEMPOOL_DEBUG");
    }
    if (strcmp(case_name, WORKER_PROBE) == 0) {
        silence_stderr();
    }
    dup2(requests, STDIN_FILENO);
    dup2(answers, STDOUT_FILENO);
    execl("/proc/self/exe", program_invocation_short_name, "--worker", who->name, case_name,
          (char *)NULL);
    _exit(EXIT_FAILURE);
}

bool
child_start(struct child *child, const struct contestant *who, const char *case_name,
            char *provider, size_t n_provider)
{
    static const char ready[] = "ready ";
    char answer[ANSWER_BYTES];
    int down[2];
    int up[2];

    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) {
        die("cannot make a pipe: %s", strerror(errno));
    }
    child->pid = fork();
    if (child->pid == 0) {
        child_exec(who, case_name, down[0], up[1]);
    }
    if (child->pid < 0) {
        die("cannot start a worker process: %s", strerror(errno));
    }
    close(down[0]);
    close(up[1]);
    child->requests = fdopen(down[1], "w");
    child->answers = fdopen(up[0], "r");
    if (child->requests == NULL || child->answers == NULL) {
        die("cannot talk to a worker process: %s", strerror(errno));
    }
    if (fgets(answer, sizeof(answer), child->answers) == NULL ||
        strncmp(answer, ready, strlen(ready)) != 0) {
        return false;
    }
    answer[strcspn(answer, "\n")] = '\0';
    strlcpy(provider, answer + strlen(ready), n_provider);
    return true;
}

uint32_t
child_round(struct child *child, uint32_t ms, double values[WORKER_VALUES_MAX])
{
    char answer[ANSWER_BYTES];
    char *rest = answer + 2;
    uint32_t n = 0;

    fprintf(child->requests, "%u\n", ms);
    if (fflush(child->requests) != 0 || fgets(answer, sizeof(answer), child->answers) == NULL ||
        strncmp(answer, "ok ", 3) != 0) {
        return 0;
    }
    for (char *end = rest; n < WORKER_VALUES_MAX; n++, rest = end) {
        values[n] = strtod(rest, &end);
        if (end == rest) {
            break;
        }
    }
    return n;
}

bool
child_stop(struct child *child)
{
    int status;

    /* The end of its input ends the worker. */
    fclose(child->requests);
    fclose(child->answers);
    while (waitpid(child->pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
