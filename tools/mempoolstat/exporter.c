/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "proc.h"

/* Of a process, and of its environment. */
#define EXPORTER_MAX_SOCKETS 65536
#define EXPORTER_MAX_BYTES   ((size_t)1 << 20)
/* Rows of the kernel's table between two looks at the clock. */
#define EXPORTER_ROWS 256

/* The numbers of the sockets that a process has open. */
struct socket_list {
    unsigned long *inodes;
    size_t n_inodes;
};

static int
inode_compare(const void *left, const void *right)
{
    const unsigned long *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static void
socket_list_add(struct socket_list *list, unsigned long inode)
{
    list->inodes = alloc_one_more(list->inodes, list->n_inodes, sizeof(inode));
    list->inodes[list->n_inodes++] = inode;
}

/* As /proc/PID/fd shows them. */
static struct socket_list
process_sockets(pid_t pid)
{
    char *directory = proc_path(pid, "fd"), link[64];
    struct socket_list list = {NULL, 0};
    const struct dirent *entry;
    unsigned long inode;
    DIR *stream = opendir(directory);

    free(directory);
    while (stream != NULL && list.n_inodes < EXPORTER_MAX_SOCKETS &&
           (entry = readdir(stream)) != NULL) {
        ssize_t n = readlinkat(dirfd(stream), entry->d_name, link, sizeof(link) - 1);

        link[n > 0 ? n : 0] = '\0';
        if (sscanf(link, "socket:[%lu]", &inode) == 1) {
            socket_list_add(&list, inode);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    if (list.n_inodes > 0) {
        qsort(list.inodes, list.n_inodes, sizeof(inode), inode_compare);
    }
    return list;
}

static bool
socket_list_has(const struct socket_list *list, unsigned long inode)
{
    return list->n_inodes > 0 &&
           bsearch(&inode, list->inodes, list->n_inodes, sizeof(inode), inode_compare) != NULL;
}

/* The paths at which a process accepts connections, as it named them to the kernel. */
struct path_list {
    char **paths;
    size_t n_paths;
};

static void
path_list_add(struct path_list *list, char *path)
{
    list->paths = alloc_array(list->paths, list->n_paths + 1, sizeof(char *));
    list->paths[list->n_paths++] = path;
}

static void
path_list_free(struct path_list *list)
{
    for (size_t i = 0; i < list->n_paths; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
}

/* The path in a row of the kernel's table; NULL if it is of none of these sockets, or does not
 * accept connections for streams. */
static const char *
row_path(char *row, const struct socket_list *own)
{
    static const unsigned long accepting = 0x10000; /* __SO_ACCEPTCON of the kernel */
    unsigned long flags, inode;
    unsigned int type;
    int path = 0;

    row[strcspn(row, "\n")] = '\0';
    if (sscanf(row, "%*s %*s %*s %lx %x %*s %lu %n", &flags, &type, &inode, &path) != 3 ||
        path == 0 || row[path] != '/' || (flags & accepting) == 0 || type != 1 ||
        !socket_list_has(own, inode)) {
        return NULL;
    }
    return row + path;
}

static struct path_list
process_listens(pid_t pid, int64_t end_ns)
{
    struct socket_list own = process_sockets(pid);
    struct path_list list = {NULL, 0};
    char *table = proc_path(pid, "net/unix"), *row = NULL;
    size_t room = 0;
    FILE *stream = NULL;

    /* Of one that has too many no list would be whole. */
    if (own.n_inodes > 0 && own.n_inodes < EXPORTER_MAX_SOCKETS) {
        stream = fopen(table, "re");
    }
    free(table);
    for (size_t n = 0; stream != NULL && getline(&row, &room, stream) > 0; n++) {
        const char *path = row_path(row, &own);

        if (path != NULL) {
            path_list_add(&list, alloc_copy(path));
        }
        if (n % EXPORTER_ROWS == 0 && clock_now_ns() >= end_ns) {
            break;
        }
    }
    free(row);
    if (stream != NULL) {
        fclose(stream);
    }
    free(own.inodes);
    return list;
}

/* The environment that a process was started with: strings one behind the other. */
static char *
process_environment(pid_t pid, size_t *n_bytes)
{
    char *path = proc_path(pid, "environ"), *bytes = alloc_array(NULL, EXPORTER_MAX_BYTES, 1);
    FILE *stream = fopen(path, "re");

    free(path);
    *n_bytes = stream != NULL ? fread(bytes, 1, EXPORTER_MAX_BYTES - 1, stream) : 0;
    bytes[*n_bytes] = '\0';
    if (stream != NULL) {
        fclose(stream);
    }
    return alloc_array(bytes, *n_bytes + 1, 1);
}

/* A variable's value; NULL if it is not set, or empty. */
static const char *
environment_get(const char *bytes, size_t n_bytes, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = bytes; at < bytes + n_bytes; at += strlen(at) + 1) {
        if (strncmp(at, name, length) == 0 && at[length] == '=' && at[length + 1] != '\0') {
            return at + length + 1;
        }
    }
    return NULL;
}

/* The directory of the default path, by the rules of the library. To be freed. */
static char *
default_directory(const char *environment, size_t n_bytes, pid_t pid)
{
    const char *chosen = environment_get(environment, n_bytes, "OSMEMPOOL_DIR");
    const char *runtime = environment_get(environment, n_bytes, "XDG_RUNTIME_DIR");
    uid_t user = proc_user(pid);

    if (chosen != NULL) {
        return alloc_copy(chosen);
    }
    if (runtime != NULL && runtime[0] == '/') {
        return alloc_format("%s/osmempool", runtime);
    }
    return user == 0 ? alloc_copy("/run/osmempool")
                     : alloc_format("/tmp/osmempool-%u", (unsigned int)user);
}

/* Whether a path as the kernel shows it is another one, which may have been too long to be named:
 * then it was named by way of its directory's descriptor. */
static bool
path_is(const char *shown, const char *path)
{
    const char *name = strrchr(path, '/'), *shown_name = strrchr(shown, '/');
    bool by_descriptor = strncmp(shown, "/proc/", 6) == 0 && strstr(shown, "/fd/") != NULL;

    return strcmp(shown, path) == 0 ||
           (by_descriptor && name != NULL && strcmp(shown_name, name) == 0);
}

/* The path if the process listens there. */
static char *
listens_at(const struct path_list *list, char *path)
{
    for (size_t i = 0; i < list->n_paths; i++) {
        if (path_is(list->paths[i], path)) {
            return path;
        }
    }
    free(path);
    return NULL;
}

static void
path_trim(char *path)
{
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--) {
        path[n - 1] = '\0';
    }
}

/* Where its environment lets it export, if it listens there. A child of fork() adds its number to a
 * path that is not the default one. */
static char *
find_by_environment(pid_t pid, const struct path_list *list)
{
    size_t n_bytes;
    char *environment = process_environment(pid, &n_bytes);
    const char *export = environment_get(environment, n_bytes, "OSMEMPOOL_EXPORT");
    long number = proc_own_number(pid);
    char *found = NULL;

    if (export != NULL && export[0] == '/') {
        found = listens_at(list, alloc_copy(export));
        found = found != NULL ? found : listens_at(list, alloc_format("%s.%ld", export, number));
    }
    if (found == NULL) {
        char *directory = default_directory(environment, n_bytes, pid);

        path_trim(directory);
        found = listens_at(list, alloc_format("%s/%ld.sock", directory, number));
        free(directory);
    }
    free(environment);
    return found;
}

/* A path of the process as we see it: its root may be another one. */
static char *
path_seen(pid_t pid, char *path)
{
    char *root = proc_path(pid, "root"), *seen = alloc_format("%s%s", root, path);
    struct stat here, there;
    bool same = stat("/", &here) == 0 && stat(root, &there) == 0 && proc_shares_mounts(pid) &&
                here.st_dev == there.st_dev && here.st_ino == there.st_ino;

    free(root);
    if (same) {
        free(seen);
        return path;
    }
    free(path);
    return seen;
}

char *
exporter_find(pid_t pid, size_t *n_sockets, int64_t end_ns)
{
    struct path_list list = {NULL, 0};
    char *found = NULL;

    if (proc_exports(pid)) {
        list = process_listens(pid, end_ns);
    }
    *n_sockets = list.n_paths;
    if (list.n_paths > 0) {
        found = find_by_environment(pid, &list);
    }
    /* Who exports listens: where there is one socket only, that is it. */
    if (found == NULL && list.n_paths == 1 && clock_now_ns() < end_ns) {
        found = alloc_copy(list.paths[0]);
    }
    path_list_free(&list);
    return found != NULL ? path_seen(pid, found) : NULL;
}
