/* SPDX-License-Identifier: Apache-2.0 */
#include "proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

/* The beginning of the file stat in a directory of /proc, "" if there is none. */
static void
stat_read(const char *directory, char *line, size_t room)
{
    char *path = alloc_format("%s/stat", directory);
    FILE *stream = fopen(path, "re");

    line[0] = '\0';
    if (stream != NULL) {
        line[fread(line, 1, room - 1, stream)] = '\0';
        fclose(stream);
    }
    free(path);
}

/* Of the main thread, which also tells of the process after that thread has ended. */
static void
proc_read_stat(pid_t pid, char *line, size_t room)
{
    char *directory = alloc_format("/proc/%d", (int)pid);

    stat_read(directory, line, room);
    free(directory);
}

/* The state of a process or thread. It follows the program's name, which may hold parentheses. */
static char
stat_state(const char *directory)
{
    char line[256];
    const char *end;

    stat_read(directory, line, sizeof(line));
    end = strrchr(line, ')');
    return end != NULL && end[1] == ' ' ? end[2] : '\0';
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

    while (found == NULL && stream != NULL && (entry = readdir(stream)) != NULL) {
        char *thread = alloc_format("%s/%s", tasks, entry->d_name);

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

/* Ticks from the start of the machine to that of the process, which is field 22; -1: not known. */
static long long
proc_start_ticks(pid_t pid)
{
    char line[512];
    const char *at;
    long long ticks = -1;

    proc_read_stat(pid, line, sizeof(line));
    at = strrchr(line, ')');
    if (at != NULL) {
        sscanf(at + 1,
               " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
               "%*s %lld",
               &ticks);
    }
    return ticks;
}

/* In whole seconds, of which the sum of three may be one too many. */
bool
proc_is_since(pid_t pid, uid_t user, time_t second)
{
    char *path = alloc_format("/proc/%d", (int)pid);
    long long ticks = proc_start_ticks(pid);
    struct timespec now, up;
    struct stat status;
    bool is_theirs = stat(path, &status) == 0 && status.st_uid == user;

    free(path);
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    return is_theirs && ticks >= 0 &&
           now.tv_sec - up.tv_sec + ticks / sysconf(_SC_CLK_TCK) <= second + 1;
}

char *
proc_program(pid_t pid)
{
    char line[256];
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
proc_pid_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *end;
    long pid = strtol(slash != NULL ? slash + 1 : path, &end, 10);

    return strncmp(path, "/proc/", 6) != 0 && strcmp(end, ".sock") == 0 && pid > 0 ? (pid_t)pid : 0;
}
