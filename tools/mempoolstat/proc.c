/* SPDX-License-Identifier: Apache-2.0 */
#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

/* A program may have any number of threads. The exporter's is one of the first, mostly. */
#define PROC_MAX_THREADS 4096
/* Linux gives no number above 2^22. */
#define PROC_MAX_PID 4194304

/* PF_EXITING in the flags of /proc/PID/stat. */
#define PROC_EXITING 0x4

/* The beginning of a file, as a string; "" if it cannot be read. */
static void
proc_read(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n, all = 0;

    while (fd >= 0 && (size_t)all + 1 < room &&
           (n = read(fd, text + all, room - 1 - (size_t)all)) > 0) {
        all += n;
    }
    text[all] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

/* The beginning of the file stat in a directory of /proc. */
static void
stat_read(const char *directory, char *line, size_t room)
{
    char *path = alloc_format("%s/stat", directory);

    proc_read(path, line, room);
    free(path);
}

/* Of the main thread, which also tells of the process after that thread has ended. */
static void
proc_read_stat(pid_t pid, char *line, size_t room)
{
    char directory[32];

    snprintf(directory, sizeof(directory), "/proc/%d", (int)pid);
    stat_read(directory, line, room);
}

/* The state follows the name of the program, which may hold parentheses itself. */
static const char *
stat_behind_name(const char *line)
{
    const char *end = strrchr(line, ')');

    return end != NULL && end[1] == ' ' ? end + 2 : "";
}

/* Of a process or thread. */
static char
stat_state(const char *directory)
{
    char line[512];

    stat_read(directory, line, sizeof(line));
    return stat_behind_name(line)[0];
}

/* Whether a thread is over; also one that is not there. */
static bool
state_is_over(char state)
{
    return strchr("ZXx", state) != NULL;
}

/* The directory of a thread of the process that lives, or NULL. */
static char *
proc_living_thread(pid_t pid)
{
    char *tasks = alloc_format("/proc/%d/task", (int)pid), *found = NULL;
    DIR *stream = opendir(tasks);
    const struct dirent *entry;

    for (size_t n = 0; found == NULL && stream != NULL && n < PROC_MAX_THREADS; n++) {
        char *thread;

        entry = readdir(stream);
        if (entry == NULL) {
            break;
        }
        thread = alloc_format("%s/%s", tasks, entry->d_name);
        if (entry->d_name[0] != '.' && !state_is_over(stat_state(thread))) {
            found = thread;
        } else {
            free(thread);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    free(tasks);
    return found;
}

char *
proc_directory(pid_t pid)
{
    char *directory = alloc_format("/proc/%d", (int)pid);
    char *thread = state_is_over(stat_state(directory)) ? proc_living_thread(pid) : NULL;

    if (thread != NULL) {
        free(directory);
        return thread;
    }
    return directory;
}

char *
proc_path(pid_t pid, const char *entry)
{
    char *directory = proc_directory(pid);
    char *path = alloc_format("%s/%s", directory, entry);

    free(directory);
    return path;
}

char
proc_state(pid_t pid)
{
    char *directory = proc_directory(pid);
    char state = stat_state(directory);

    free(directory);
    return state;
}

bool
proc_is_alive(pid_t pid)
{
    char *directory = proc_directory(pid);
    char line[512], state = '\0';
    unsigned int flags = 0;

    stat_read(directory, line, sizeof(line));
    sscanf(stat_behind_name(line), "%c %*s %*s %*s %*s %*s %u", &state, &flags);
    free(directory);
    return !state_is_over(state) && (flags & PROC_EXITING) == 0;
}

/* What follows a title, with the end of the line before it; NULL if there is none. The name of the
 * program, on the first line, cannot hold the end of a line. */
static const char *
status_field(const char *text, const char *title)
{
    const char *line = strstr(text, title);

    return line != NULL ? line + strlen(title) : NULL;
}

static unsigned long long
status_number(const char *text, const char *title)
{
    const char *field = status_field(text, title);

    return field != NULL ? strtoull(field, NULL, 10) : 0;
}

/* The thread that exports; 0 if there is none. */
static pid_t
proc_find_exporter(pid_t pid)
{
    char path[64], name[32];
    struct dirent *entry;
    pid_t found = 0;
    DIR *stream;
    size_t n = 0;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    stream = opendir(path);
    while (found == 0 && stream != NULL && n++ < PROC_MAX_THREADS &&
           (entry = readdir(stream)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%d/task/%.12s/comm", (int)pid, entry->d_name);
        proc_read(path, name, sizeof(name));
        found = strcmp(name, PROC_EXPORTER "\n") == 0 ? (pid_t)atoi(entry->d_name) : 0;
    }
    if (stream != NULL) {
        closedir(stream);
    }
    return found;
}

bool
proc_exports(pid_t pid)
{
    char path[32];
    struct stat status;

    /* A directory has a link from each of its own. */
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    return stat(path, &status) == 0 && status.st_nlink > 3 && proc_find_exporter(pid) != 0;
}

struct proc_activity
proc_activity(pid_t pid)
{
    struct proc_activity activity = {'\0', 0};
    pid_t thread = proc_find_exporter(pid);
    char path[64], text[4096];
    const char *state;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid,
             (int)(thread != 0 ? thread : pid));
    proc_read(path, text, sizeof(text));
    state = status_field(text, "\nState:\t");
    activity.state = state != NULL ? state[0] : '\0';
    activity.switches = status_number(text, "\nvoluntary_ctxt_switches:") +
                        status_number(text, "\nnonvoluntary_ctxt_switches:");
    return activity;
}

static void
proc_read_status(pid_t pid, char *text, size_t room)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    proc_read(path, text, room);
}

pid_t
proc_tracer(pid_t pid)
{
    char text[4096];

    proc_read_status(pid, text, sizeof(text));
    return (pid_t)status_number(text, "\nTracerPid:");
}

/* The next of a line's numbers, and behind it; false at the line's end. */
static bool
status_next_number(const char **field, long long *number)
{
    char *end;

    if (*field == NULL || **field == '\n' || **field == '\0') {
        return false;
    }
    *number = strtoll(*field, &end, 10);
    *field = end > *field ? end : NULL;
    return true;
}

bool
proc_has_number(pid_t pid, long long number)
{
    char text[4096];
    const char *field;
    long long own = pid;

    if (own == number) {
        return true;
    }
    proc_read_status(pid, text, sizeof(text));
    field = status_field(text, "\nNSpid:");
    while (own != number && status_next_number(&field, &own)) {
    }
    return own == number;
}

long
proc_own_number(pid_t pid)
{
    char text[4096];
    const char *field;
    long long number = pid;

    proc_read_status(pid, text, sizeof(text));
    field = status_field(text, "\nNSpid:");
    /* Outermost first. */
    while (status_next_number(&field, &number)) {
    }
    return (long)number;
}

uid_t
proc_user(pid_t pid)
{
    char text[4096];
    const char *field;
    unsigned int effective = (unsigned int)-1;

    proc_read_status(pid, text, sizeof(text));
    field = status_field(text, "\nUid:");
    if (field != NULL) {
        sscanf(field, "%*u %u", &effective);
    }
    return (uid_t)effective;
}

bool
proc_shares_mounts(pid_t pid)
{
    char *path = proc_path(pid, "ns/mnt");
    struct stat here, there;
    bool shares = stat("/proc/self/ns/mnt", &here) == 0 && stat(path, &there) == 0 &&
                  here.st_ino == there.st_ino;

    free(path);
    return shares;
}

/* Ticks from the start of the machine to that of the process, which is field 22; -1: not known. */
static long long
proc_start_ticks(pid_t pid)
{
    char line[512];
    long long ticks = -1;

    proc_read_stat(pid, line, sizeof(line));
    sscanf(stat_behind_name(line),
           "%*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld",
           &ticks);
    return ticks;
}

/* In whole seconds, of which the sum of three may be one too many. */
bool
proc_is_since(pid_t pid, uid_t user, time_t second)
{
    char path[32];
    long long ticks = proc_start_ticks(pid);
    struct timespec now, up;
    struct stat status;
    bool is_theirs;

    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    is_theirs = stat(path, &status) == 0 && status.st_uid == user;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return is_theirs && ticks >= 0 &&
           now.tv_sec - up.tv_sec + ticks / sysconf(_SC_CLK_TCK) <= second + 1;
}

char *
proc_program(pid_t pid)
{
    char line[512];
    const char *name;
    char *end;

    proc_read_stat(pid, line, sizeof(line));
    name = strchr(line, '(');
    end = strrchr(line, ')');
    if (name == NULL || end == NULL) {
        return NULL;
    }
    *end = '\0';
    return alloc_copy(name + 1);
}

pid_t
proc_pid_of_name(const char *name)
{
    long number = 0;

    if (name[0] < '1' || name[0] > '9') {
        return 0;
    }
    for (; isdigit((unsigned char)*name) && number <= PROC_MAX_PID; name++) {
        number = number * 10 + (*name - '0');
    }
    return number <= PROC_MAX_PID && strcmp(name, ".sock") == 0 ? (pid_t)number : 0;
}

pid_t
proc_pid_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');

    return strncmp(path, "/proc/", 6) == 0 ? 0 : proc_pid_of_name(slash != NULL ? slash + 1 : path);
}
