/* SPDX-License-Identifier: Apache-2.0 */
/*
 * autostart.c: OSMEMPOOL_EXPORT=1, or an absolute path, exports an unchanged program.
 *
 * A program is never stopped by it: what fails is said in one line on stderr.
 */
#include <bsd/stdlib.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "export/export.h"

static const char *
autostart_program(void)
{
    const char *program = getprogname();

    return program != NULL ? program : "osmempool";
}

static const char *
autostart_advice(int error)
{
    if (error == EADDRINUSE) {
        return "another process exports there; choose another path";
    }
    if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) {
        return "raise the limit on processes, memory or files";
    }
    return "set OSMEMPOOL_DIR to a directory of this user's own that others cannot write, "
           "or OSMEMPOOL_EXPORT to another absolute path";
}

static void
autostart_complain(const struct socket_path *path, int error)
{
    dprintf(STDERR_FILENO, "%s: osmempool: cannot export at %s/%s: %s; %s\n", autostart_program(),
            path->dir, path->name, strerror(error), autostart_advice(error));
}

__attribute__((constructor)) static void
autostart(void)
{
    const char *value = secure_getenv("OSMEMPOOL_EXPORT");
    struct socket_path path;
    int error;

    if (value == NULL || *value == '\0' || strcmp(value, "0") == 0) {
        return;
    }
    if (*value != '/' && strcmp(value, "1") != 0) {
        dprintf(STDERR_FILENO,
                "%s: osmempool: OSMEMPOOL_EXPORT=%s ignored: set 1, 0 or an absolute path\n",
                autostart_program(), value);
        return;
    }
    error = *value == '/' ? path_explicit(&path, value) : path_default(&path);
    if (error == 0) {
        error = export_start_at(&path);
    }
    if (error < 0) {
        autostart_complain(&path, -error);
    }
}
