/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autostart.c: OSMEMPOOL_EXPORT=1, or an absolute path, exports an unchanged program.
 *
 * A program is never stopped by it: what fails is said in one line on stderr.
 */
#include <bsd/stdlib.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "export/export.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What is wrong and how to mend it. strerror() may not be called beside other threads. */
static const struct {
    int error;
    const char *words;
} autostart_reasons[] = {
    {EINVAL, "OSMEMPOOL_DIR is not an absolute path"},
    {EISDIR, "the path ends in a slash; name the socket itself"},
    {ENAMETOOLONG, "the path is too long; it may have 4,095 bytes and each name in it 255, but "
                   "beyond 107 bytes in all the socket's own name only 80"},
    {ENOENT, "the directory is missing, or the one above it; make it first"},
    {ENOTDIR, "the directory is none, or is a symbolic link"},
    {EPERM, "the directory must belong to this user, and others must not be able to write to it"},
    {EACCES, "this user may not write to the directory"},
    {EROFS, "the directory is on a read-only file system"},
    {ENOSPC, "the directory's file system is full"},
    {EDQUOT, "this user's share of the directory's file system is used up"},
    {EADDRINUSE, "another process exports there; choose another path"},
    {EEXIST, "a file that is no socket is there; choose another path"},
    {ETIMEDOUT, "another process of this user began to export in this directory and hangs"},
    {EAGAIN, "no thread can be started; raise the limit on processes or memory"},
    {ENOMEM, "there is no memory"},
    {EMFILE, "too many files are open; raise the limit on files"},
    {ENFILE, "too many files are open in the whole system"},
    {EBUSY, "this process exports already"},
};

/* Each line begins with the program's name, as it stands among those of others. */
static void
autostart_begin(struct text *text)
{
    const char *program = getprogname();

    text_add_escaped(text, program != NULL ? program : "?");
    text_add(text, ": osmempool: ");
}

static void
autostart_add_reason(struct text *text, int error)
{
    size_t i;

    for (i = 0; i < COUNT_OF(autostart_reasons); i++) {
        if (autostart_reasons[i].error == error) {
            text_add_escaped(text, autostart_reasons[i].words);
            return;
        }
    }
    text_add(text, "error %d", error);
}

/* A path that was named is repeated as it was: it may not even fit into the structure. */
static void
autostart_complain(const char *named, const struct socket_path *path, int error)
{
    struct text text = {0};

    autostart_begin(&text);
    text_add(&text, "cannot export at ");
    text_add_escaped(&text, named != NULL ? named : path->dir);
    if (named == NULL) {
        text_add(&text, "/");
        text_add_escaped(&text, path->name);
    }
    text_add(&text, ": ");
    autostart_add_reason(&text, error);
    text_add(&text, "; OSMEMPOOL_EXPORT or OSMEMPOOL_DIR can name another place\n");
    text_write(&text);
}

static void
autostart_ignore(const char *value)
{
    struct text text = {0};

    autostart_begin(&text);
    text_add(&text, "OSMEMPOOL_EXPORT=");
    text_add_escaped(&text, value);
    text_add(&text, " ignored: set 1, 0 or an absolute path\n");
    text_write(&text);
}

__attribute__((constructor)) static void
autostart(void)
{
    const char *value = secure_getenv("OSMEMPOOL_EXPORT");
    const char *named;
    struct socket_path path;
    int error;

    if (value == NULL || *value == '\0' || strcmp(value, "0") == 0) {
        return;
    }
    if (*value != '/' && strcmp(value, "1") != 0) {
        autostart_ignore(value);
        return;
    }
    named = *value == '/' ? value : NULL;
    error = named != NULL ? path_explicit(&path, named) : path_default(&path);
    if (error == 0) {
        error = export_start_at(&path);
    }
    if (error < 0) {
        autostart_complain(named, &path, -error);
    }
}
