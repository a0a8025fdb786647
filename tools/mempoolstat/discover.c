/* SPDX-License-Identifier: Apache-2.0 */
#include "discover.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "exporter.h"
#include "message.h"
#include "place.h"
#include "proc.h"

/* A second is enough for tens of thousands of processes. */
#define DISCOVER_NS ((int64_t)1000000000)
/* Entries of a directory that are looked at, sockets of a user, and all sockets. */
#define DISCOVER_MAX_ENTRIES 65536
#define DISCOVER_MAX_OF_USER 4096
#define DISCOVER_MAX_TARGETS 8192
/* Directories, and roots of containers, of which each user could make any number. */
#define DISCOVER_MAX_PLACES 4096

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Where root finds the sockets of everybody: in directories of a parent that are named by a prefix
 * and the number of a user, or in one below these. */
static const struct everybody {
    const char *parent, *prefix, *child;
} everybody[] = {
    {"/run/user", "", "/osmempool"},
    {"/tmp", "osmempool-", ""},
};

/* The directory of root itself. */
static const char everybody_root[] = "/run/osmempool";

/* How the sockets of a directory become targets. */
struct search {
    struct target_list *list;
    const struct target *like; /* what all of them have in common */
    long number;               /* of the process that is wanted, as it is in there; 0: all */
};

static bool
list_has_time(struct target_list *list)
{
    if (list->end_ns == 0) {
        list->end_ns = clock_now_ns() + DISCOVER_NS;
    }
    list->cut = list->cut || clock_now_ns() >= list->end_ns;
    return !list->cut;
}

static bool
target_is_known(const struct target_list *list, const struct target *wanted)
{
    for (size_t i = 0; i < list->n_targets; i++) {
        const struct target *target = &list->targets[i];

        if (target->inode == wanted->inode && target->device == wanted->device) {
            return true;
        }
    }
    return false;
}

/* Whether the process that a default path names is there. Where it may have another number for us,
 * nobody can tell. */
static bool
path_is_of_living(const char *path)
{
    pid_t pid = proc_pid_of_path(path);

    return pid == 0 || kill(pid, 0) == 0 || errno != ESRCH;
}

/* Whether there is room for one more socket of a user. What the dead have left is not to take the
 * places of the living. */
static bool
list_admits(struct target_list *list, uid_t user, const char *path)
{
    size_t i = 0;

    while (i < list->n_holders && list->holders[i].user != user) {
        i++;
    }
    if (i == list->n_holders) {
        list->holders = alloc_array(list->holders, ++list->n_holders, sizeof(list->holders[0]));
        list->holders[i] = (struct holder){user, 0};
    }
    if (list->holders[i].n >= DISCOVER_MAX_OF_USER || list->n_targets >= DISCOVER_MAX_TARGETS ||
        (list->holders[i].n >= DISCOVER_MAX_OF_USER / 2 && !path_is_of_living(path))) {
        list->n_passed_over++;
        return false;
    }
    list->holders[i].n++;
    return true;
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
    if (target_is_known(list, &target) || !list_admits(list, target.owner, path)) {
        free(path);
        return;
    }
    list->targets = alloc_array(list->targets, list->n_targets + 1, sizeof(target));
    list->targets[list->n_targets++] = target;
}

static bool
search_wants(const struct search *search, const char *name)
{
    pid_t number = proc_pid_of_name(name);

    return number != 0 && (search->number == 0 || search->number == number);
}

/* Nobody can leave the socket of another user in a directory of his own, but where links to files
 * of others are allowed. */
static bool
owner_fits(const struct stat *directory, const struct stat *socket)
{
    return socket->st_uid == directory->st_uid || directory->st_uid == 0 ||
           directory->st_uid == geteuid();
}

static void
search_entries(const struct search *search, const char *directory, DIR *stream)
{
    const struct dirent *entry;
    struct stat own, status;
    size_t n = 0;

    if (fstat(dirfd(stream), &own) != 0) {
        return;
    }
    while ((entry = readdir(stream)) != NULL) {
        if (++n > DISCOVER_MAX_ENTRIES || (n % 256 == 0 && !list_has_time(search->list))) {
            search->list->cut = true;
            return;
        }
        if (search_wants(search, entry->d_name) &&
            fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISSOCK(status.st_mode) && owner_fits(&own, &status)) {
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

/* Looks into a directory that is open, and closes it. That it does not exist is normal: nobody
 * exports there. */
static void
search_open_directory(const struct search *search, const char *directory, int fd)
{
    size_t before = search->list->n_targets;
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

/* Where anybody may have put a link, none is followed. */
static void
search_directory(const struct search *search, const char *directory)
{
    search_open_directory(search, directory, place_open(directory, O_RDONLY | O_DIRECTORY));
}

/* Whether a name is a prefix and the number of a user. */
static bool
name_is_of_user(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(name, prefix, n) == 0 && name[n] != '\0' &&
           name[n + strspn(name + n, "0123456789")] == '\0';
}

/* Looks into the directories of all users below a parent. */
static void
search_users(const struct search *search, const char *root, const struct everybody *where)
{
    char *parent = alloc_format("%s%s", root, where->parent);
    int fd = place_open(parent, O_RDONLY | O_DIRECTORY);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    size_t n = 0, n_places = 0;

    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        if (++n > DISCOVER_MAX_ENTRIES || n_places > DISCOVER_MAX_PLACES ||
            (n % 256 == 0 && !list_has_time(search->list))) {
            search->list->cut = true;
            break;
        }
        if (name_is_of_user(entry->d_name, where->prefix)) {
            char *directory = alloc_format("%s/%s%s", parent, entry->d_name, where->child);

            search_directory(search, directory);
            free(directory);
            n_places++;
        }
    }
    if (stream != NULL) {
        closedir(stream);
    } else if (fd >= 0) {
        close(fd);
    }
    free(parent);
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
    search_directory(search, directory);
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
    char *directory = alloc_format("%s%s", root, everybody_root);

    search_directory(search, directory);
    free(directory);
    for (size_t i = 0; i < COUNT_OF(everybody); i++) {
        search_users(search, root, &everybody[i]);
    }
}

/* The only directory to be searched, by the user's choice; NULL for none. */
static const char *
chosen_directory(void)
{
    const char *directory = secure_getenv("OSMEMPOOL_DIR");

    return directory != NULL && directory[0] != '\0' ? directory : NULL;
}

/* Looks into all directories that the environment and our rights lead to. */
static void
search_default(const struct search *search)
{
    const char *directory = chosen_directory();

    if (directory != NULL) {
        searched_add(search->list, directory);
        /* The user's choice, be it a link. */
        search_open_directory(search, directory,
                              open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return;
    }
    search_own_directories(search);
    if (geteuid() == 0) {
        searched_add(search->list, everybody_root);
        searched_add(search->list, "/run/user/*/osmempool");
        searched_add(search->list, "/tmp/osmempool-*");
        search_everybody(search, "");
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

/* Looks into the directories of everybody in a process's view of the file system, if that is
 * another one than those looked at before. */
static void
search_view(const struct search *search, struct view_list *seen, pid_t pid)
{
    char *process = proc_directory(pid), *root = alloc_format("%s/root", process);
    struct view view;

    if (seen->n_views == 0 && view_read("/proc/self", &view)) {
        view_is_new(seen, &view);
    }
    if (seen->n_views > 0 && seen->n_views < DISCOVER_MAX_PLACES && view_read(process, &view) &&
        view_is_new(seen, &view)) {
        search_everybody(search, root);
    }
    free(process);
    free(root);
}

/* Whether the socket of a process is a target by its name. */
static bool
list_has_process(const struct target_list *list, pid_t pid, uid_t user)
{
    for (size_t i = 0; i < list->n_targets; i++) {
        if (list->targets[i].owner == user && proc_pid_of_path(list->targets[i].path) == pid) {
            return true;
        }
    }
    return false;
}

/* Adds the socket of a process that exports where no directory is searched. */
static void
search_exporter(struct target_list *list, pid_t pid)
{
    struct target like = {.pid = pid, .guess = true};
    uid_t user = proc_user(pid);
    size_t n_sockets;
    char *path = exporter_find(pid, &n_sockets, list->end_ns);
    int fd = path != NULL ? place_open(path, O_PATH) : -1;
    struct stat status;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) && status.st_uid == user) {
        search_add(&(struct search){list, &like, 0}, path, &status);
    } else {
        free(path);
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* What the processes themselves tell: of containers, and of sockets elsewhere. */
static void
search_processes(struct target_list *list)
{
    const struct target in_container = {.guarded = true};
    struct view_list seen = {NULL, 0};
    DIR *stream = opendir("/proc");
    const struct dirent *entry;

    while (stream != NULL && (entry = readdir(stream)) != NULL && list_has_time(list)) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;

        if (pid > 0 && geteuid() == 0) {
            search_view(&(struct search){list, &in_container, 0}, &seen, pid);
        }
        if (pid > 0 && proc_exports(pid) && !list_has_process(list, pid, proc_user(pid))) {
            search_exporter(list, pid);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    } else {
        message_print("/proc cannot be read: containers are not searched");
    }
    free(seen.views);
}

void
discover_all(struct target_list *list)
{
    list_has_time(list);
    search_default(&(struct search){list, &(struct target){.guarded = true}, 0});
    if (chosen_directory() == NULL) {
        search_processes(list);
    }
}

void
discover_pid(struct target_list *list, pid_t pid)
{
    const struct target named = {.pid = pid, .named = true, .guarded = true};
    const struct target in_container = {.pid = pid, .named = true};
    struct view_list seen = {NULL, 0};
    size_t before = list->n_targets;

    list_has_time(list);
    search_default(&(struct search){list, &named, pid});
    if (list->n_targets == before && geteuid() == 0 && chosen_directory() == NULL) {
        search_view(&(struct search){list, &in_container, proc_own_number(pid)}, &seen, pid);
        free(seen.views);
    }
    if (list->n_targets == before) {
        search_exporter(list, pid);
    }
}

void
discover_path(struct target_list *list, const char *path)
{
    const struct target named = {.named = true, .by_path = true};
    struct stat status = {0};

    /* What is not there is a target too: connecting tells why. No device has the number -1. */
    if (stat(path, &status) != 0) {
        status.st_dev = (dev_t)-1;
        status.st_ino = list->n_targets;
    }
    search_add(&(struct search){list, &named, 0}, alloc_copy(path), &status);
}

void
discover_free(struct target_list *list)
{
    for (size_t i = 0; i < list->n_targets; i++) {
        free(list->targets[i].path);
    }
    free(list->targets);
    free(list->holders);
    free(list->searched);
    *list = (struct target_list){0};
}
