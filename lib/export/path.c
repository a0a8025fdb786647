/* SPDX-License-Identifier: Apache-2.0 */
#include "export/path.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
path_print(char *to, size_t room, const char *format, ...)
{
    va_list arguments;
    int n;

    va_start(arguments, format);
    n = vsnprintf(to, room, format, arguments);
    va_end(arguments);
    return n >= 0 && (size_t)n < room ? 0 : -ENAMETOOLONG;
}

static const char *
path_variable(const char *name)
{
    const char *value = secure_getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* A slash at the end would make open() follow a symlink, O_NOFOLLOW or not. */
static void
path_trim(char *dir)
{
    size_t n = strlen(dir);

    while (n > 1 && dir[n - 1] == '/') {
        dir[--n] = '\0';
    }
}

static int
path_default_dir(char *dir)
{
    const char *chosen = path_variable("OSMEMPOOL_DIR");
    const char *runtime = path_variable("XDG_RUNTIME_DIR");
    uid_t uid = geteuid();
    int error;

    if (chosen != NULL) {
        error = path_print(dir, PATH_MAX, "%s", chosen);
        return *chosen == '/' ? error : -EINVAL;
    }
    /* That directory's specification wants a relative value to be ignored. */
    if (runtime != NULL && *runtime == '/') {
        return path_print(dir, PATH_MAX, "%s/osmempool", runtime);
    }
    if (uid == 0) {
        return path_print(dir, PATH_MAX, "/run/osmempool");
    }
    return path_print(dir, PATH_MAX, "/tmp/osmempool-%lu", (unsigned long)uid);
}

int
path_default(struct socket_path *path)
{
    int error = path_default_dir(path->dir);

    path_trim(path->dir);
    path->dir_is_default = true;
    path_print(path->name, sizeof(path->name), "%ld.sock", (long)getpid());
    return error;
}

int
path_explicit(struct socket_path *path, const char *text)
{
    const char *slash = strrchr(text, '/');
    const char *name = slash != NULL ? slash + 1 : text;
    int n = (int)(name - text);

    path->dir_is_default = false;
    path->dir[0] = path->name[0] = '\0';
    if (*text != '/') {
        return -EINVAL;
    }
    if (name - text >= PATH_MAX || path_print(path->dir, sizeof(path->dir), "%.*s", n, text) < 0) {
        return -ENAMETOOLONG;
    }
    path_trim(path->dir);
    if (*name == '\0') {
        return -EISDIR;
    }
    return path_print(path->name, sizeof(path->name), "%s", name);
}

int
path_beside(struct socket_path *path, const struct socket_path *other)
{
    *path = *other;
    return path_print(path->name, sizeof(path->name), "%s.%ld", other->name, (long)getpid());
}
