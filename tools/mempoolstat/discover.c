/* SPDX-License-Identifier: Apache-2.0 */
#include "discover.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "message.h"
#include "proc.h"

/* Where root finds the sockets of everybody. */
static const char *const everybody[] = {
    "/run/osmempool",
    "/run/user/*/osmempool",
    "/tmp/osmempool-*",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* How the sockets of a directory become targets. */
struct search {
    struct target_list *list;
    const struct target *like; /* what all of them have in common */
};

/* Only the socket that bears the number of the process is wanted. */
static bool
search_is_for_name(const struct search *search)
{
    return search->like->pid != 0 && !search->like->guess;
}

static bool
target_is_known(const struct target_list *list, const struct target *wanted)
{
    for (size_t i = 0; i < list->n_targets; i++) {
        const struct target *target = &list->targets[i];

        /* Two processes may both be guessed to listen there. */
        if (target->device == wanted->device && target->inode == wanted->inode &&
            (!target->guess || (wanted->guess && target->pid == wanted->pid))) {
            return true;
        }
    }
    return false;
}

/* Takes path over. */
static void
search_add(const struct search *search, char *path, const struct stat *socket)
{
    struct target_list *list = search->list;
    struct target target = *search->like;

    target.path = path;
    target.device = socket->st_dev;
    target.inode = socket->st_ino;
    target.exists = socket->st_nlink > 0;
    target.owner = socket->st_uid;
    target.made = socket->st_mtim.tv_sec;
    if (target_is_known(list, &target)) {
        free(path);
        return;
    }
    list->targets = alloc_array(list->targets, list->n_targets + 1, sizeof(target));
    list->targets[list->n_targets++] = target;
}

static bool
search_wants(const struct search *search, const char *name)
{
    size_t length = strlen(name);
    char wanted[32];

    if (search_is_for_name(search)) {
        snprintf(wanted, sizeof(wanted), "%d.sock", (int)search->like->pid);
        return strcmp(name, wanted) == 0;
    }
    return name[0] != '.' && length > 5 && strcmp(name + length - 5, ".sock") == 0;
}

static void
search_entries(const struct search *search, const char *directory, DIR *stream)
{
    const struct dirent *entry;

    while ((entry = readdir(stream)) != NULL) {
        struct stat status;

        if (search_wants(search, entry->d_name) &&
            fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISSOCK(status.st_mode)) {
            search_add(search, alloc_format("%s/%s", directory, entry->d_name), &status);
        }
    }
}

static int
target_compare(const void *left, const void *right)
{
    const struct target *a = left, *b = right;

    return strverscmp(a->path, b->path);
}

/*
 * Looks into one directory. That it does not exist is normal: nobody exports there. Flags are those
 * of open(): O_NOFOLLOW where anybody may have put a link.
 */
static void
search_directory(const struct search *search, const char *directory, int flags)
{
    size_t before = search->list->n_targets;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;

    if (stream == NULL) {
        if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
            message_print("%s: %s", directory, strerror(errno));
        }
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    search_entries(search, directory, stream);
    closedir(stream);
    if (search->list->n_targets > before) {
        qsort(search->list->targets + before, search->list->n_targets - before,
              sizeof(struct target), target_compare);
    }
}

/* Looks into the directories of a pattern below root ("" for our own). */
static void
search_pattern(const struct search *search, const char *root, const char *pattern)
{
    char *rooted = alloc_format("%s%s", root, pattern);
    glob_t found;

    if (glob(rooted, GLOB_NOSORT, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            search_directory(search, found.gl_pathv[i], O_NOFOLLOW);
        }
        globfree(&found);
    }
    free(rooted);
}

/* Notes where was searched. */
static void
searched_add(struct target_list *list, const char *directory)
{
    char *longer;

    if (list->searched == NULL) {
        list->searched = alloc_copy(directory);
        return;
    }
    if (strstr(list->searched, directory) != NULL) {
        return;
    }
    longer = alloc_format("%s, %s", list->searched, directory);
    free(list->searched);
    list->searched = longer;
}

/* Takes directory over. */
static void
search_own(const struct search *search, char *directory)
{
    searched_add(search->list, directory);
    search_directory(search, directory, 0);
    free(directory);
}

/*
 * The directories of our own user. A service of a user has no XDG_RUNTIME_DIR where his shell has
 * one, or the other way round: so both places are searched.
 */
static void
search_own_directories(const struct search *search)
{
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");

    if (runtime != NULL && runtime[0] != '\0') {
        search_own(search, alloc_format("%s/osmempool", runtime));
    }
    if (geteuid() != 0) {
        search_own(search, alloc_format("/run/user/%u/osmempool", (unsigned int)geteuid()));
        search_own(search, alloc_format("/tmp/osmempool-%u", (unsigned int)geteuid()));
    }
}

static void
search_everybody(const struct search *search, const char *root)
{
    for (size_t i = 0; i < COUNT_OF(everybody); i++) {
        if (root[0] == '\0') {
            searched_add(search->list, everybody[i]);
        }
        search_pattern(search, root, everybody[i]);
    }
}

/* A view of the file system: that of a process in a container differs from ours. */
struct view {
    ino_t namespace; /* of mounts */
    dev_t device;    /* of the root directory, with inode */
    ino_t inode;
};

static bool
view_read(const char *process, struct view *view)
{
    char *namespace = alloc_format("%s/ns/mnt", process);
    char *root = alloc_format("%s/root", process);
    struct stat of_namespace, of_root;
    bool readable = stat(namespace, &of_namespace) == 0 && stat(root, &of_root) == 0;

    if (readable) {
        *view = (struct view){of_namespace.st_ino, of_root.st_dev, of_root.st_ino};
    }
    free(namespace);
    free(root);
    return readable;
}

/* The views seen so far; each is searched once. */
struct view_list {
    struct view *views;
    size_t n_views;
};

static bool
view_is_new(struct view_list *list, const struct view *view)
{
    for (size_t i = 0; i < list->n_views; i++) {
        const struct view *known = &list->views[i];

        if (known->namespace == view->namespace && known->device == view->device &&
            known->inode == view->inode) {
            return false;
        }
    }
    list->views = alloc_array(list->views, list->n_views + 1, sizeof(*view));
    list->views[list->n_views++] = *view;
    return true;
}

/* Looks into the places of a process, unless another has led there before. */
static void
search_container(const struct search *search, pid_t pid, struct view_list *seen)
{
    char *process = proc_directory(pid), *root = alloc_format("%s/root", process);
    struct view view;

    if (view_read(process, &view) && view_is_new(seen, &view)) {
        search_everybody(search, root);
    }
    free(process);
    free(root);
}

static void
search_containers(const struct search *search)
{
    struct view_list seen = {NULL, 0};
    struct view view;
    DIR *stream = opendir("/proc");
    const struct dirent *entry;

    if (stream == NULL || !view_read("/proc/self", &view)) {
        message_print("/proc cannot be read: containers are not searched");
    } else {
        view_is_new(&seen, &view);
    }
    while (seen.n_views > 0 && (entry = readdir(stream)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0])) {
            search_container(search, (pid_t)atoi(entry->d_name), &seen);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    free(seen.views);
}

/* Looks into all directories that the environment and our rights lead to. */
static void
search_default(const struct search *search)
{
    const char *directory = secure_getenv("OSMEMPOOL_DIR");

    if (directory != NULL && directory[0] != '\0') {
        search_own(search, alloc_copy(directory));
        return;
    }
    search_own_directories(search);
    if (geteuid() == 0) {
        search_everybody(search, "");
    }
    /* Inside a container processes have other numbers. */
    if (geteuid() == 0 && !search_is_for_name(search)) {
        search_containers(search);
    }
}

/* The numbers of the sockets that a process has open. */
struct socket_list {
    unsigned long *inodes;
    size_t n_inodes;
};

/* As /proc/PID/fd shows them. */
static struct socket_list
process_sockets(pid_t pid)
{
    char *directory = proc_path(pid, "fd");
    DIR *stream = opendir(directory);
    struct socket_list list = {NULL, 0};
    const struct dirent *entry;
    char link[64];
    unsigned long inode;

    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        ssize_t n = readlinkat(dirfd(stream), entry->d_name, link, sizeof(link) - 1);

        link[n > 0 ? n : 0] = '\0';
        if (sscanf(link, "socket:[%lu]", &inode) == 1) {
            list.inodes = alloc_array(list.inodes, list.n_inodes + 1, sizeof(inode));
            list.inodes[list.n_inodes++] = inode;
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    free(directory);
    return list;
}

static bool
socket_list_has(const struct socket_list *list, unsigned long inode)
{
    for (size_t i = 0; i < list->n_inodes; i++) {
        if (list->inodes[i] == inode) {
            return true;
        }
    }
    return false;
}

/* The socket of a process at a path as the process sees it. */
static void
search_bound(const struct search *search, pid_t pid, const char *path)
{
    char *root = proc_path(pid, "root"), *seen = alloc_format("%s%s", root, path);
    struct stat here, there;

    if (stat(seen, &there) == 0 && S_ISSOCK(there.st_mode)) {
        bool same =
            stat(path, &here) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;

        search_add(search, same ? alloc_copy(path) : alloc_copy(seen), &there);
    }
    free(root);
    free(seen);
}

/*
 * Where else a process listens, by the kernel's table: at the path of OSMEMPOOL_EXPORT=/PATH, or in
 * a container. It may listen for other things too, so whoever answers must be that process, and
 * only an answer that is a document counts.
 */
static void
search_listening(const struct search *search, pid_t pid)
{
    static const unsigned long accepting = 0x10000; /* __SO_ACCEPTCON of the kernel */
    struct socket_list own = process_sockets(pid);
    char *table = proc_path(pid, "net/unix");
    FILE *stream = fopen(table, "re");
    char *line = NULL;
    size_t room = 0;

    while (stream != NULL && getline(&line, &room, stream) > 0) {
        unsigned long flags, inode;
        int path = 0;

        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%*s %*s %*s %lx %*s %*s %lu %n", &flags, &inode, &path) == 2 &&
            path > 0 && line[path] == '/' && (flags & accepting) != 0 &&
            socket_list_has(&own, inode)) {
            search_bound(search, pid, line + path);
        }
    }
    free(line);
    if (stream != NULL) {
        fclose(stream);
    }
    free(table);
    free(own.inodes);
}

/* Whether a process has the exporter's thread, which bears this name. */
static bool
process_exports(const char *pid)
{
    char *directory = alloc_format("/proc/%s/task", pid);
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    bool exports = false;

    while (!exports && stream != NULL && (entry = readdir(stream)) != NULL) {
        char *path = alloc_format("%s/%s/comm", directory, entry->d_name);
        char name[32] = "";
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        exports =
            fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 && strcmp(name, "osmempool\n") == 0;
        if (fd >= 0) {
            close(fd);
        }
        free(path);
    }
    if (stream != NULL) {
        closedir(stream);
    }
    free(directory);
    return exports;
}

/* Those that export at a path of their own, in no directory that is searched. */
static void
search_exporting(struct target_list *list)
{
    DIR *stream = opendir("/proc");
    const struct dirent *entry;

    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) && process_exports(entry->d_name)) {
            struct target guessed = {.pid = (pid_t)atoi(entry->d_name), .guess = true};

            search_listening(&(struct search){list, &guessed}, guessed.pid);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
}

void
discover_all(struct target_list *list)
{
    const char *directory = secure_getenv("OSMEMPOOL_DIR");

    search_default(&(struct search){list, &(struct target){.guarded = true}});
    if (directory == NULL || directory[0] == '\0') {
        search_exporting(list);
    }
}

void
discover_pid(struct target_list *list, pid_t pid)
{
    const struct target named = {.pid = pid, .named = true, .guarded = true};
    const struct target guessed = {.pid = pid, .guess = true};
    size_t before = list->n_targets;

    search_default(&(struct search){list, &named});
    if (list->n_targets == before) {
        /* In a container its socket bears the number that the process has there. */
        search_listening(&(struct search){list, &guessed}, pid);
        search_default(&(struct search){list, &guessed});
    }
}

void
discover_path(struct target_list *list, const char *path)
{
    const struct target named = {.named = true};
    struct stat status = {0};

    /* What is not there is a target too: connecting tells why. No device has the number -1. */
    if (stat(path, &status) != 0) {
        status.st_dev = (dev_t)-1;
        status.st_ino = list->n_targets;
    }
    search_add(&(struct search){list, &named}, alloc_copy(path), &status);
}

void
discover_free(struct target_list *list)
{
    for (size_t i = 0; i < list->n_targets; i++) {
        free(list->targets[i].path);
    }
    free(list->targets);
    free(list->searched);
    *list = (struct target_list){0};
}
