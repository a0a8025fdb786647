/* SPDX-License-Identifier: Apache-2.0 */
#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "die.h"
#include "osmempool.h"
#include "pools.h"
#include "reader.h"

/* The shortest row of a pool in a snapshot is longer. */
#define POOL_BYTES_MIN 64
#define READ_BYTES     65536

struct reader {
    pid_t pid;
    int commands;
    int answers;
    struct pools pools;
    char dir[64];
    struct sockaddr_un address;
};

/* Length of a whole snapshot; 0 if it is cut off or none is to be had. */
static uint32_t
snapshot_read(const struct sockaddr_un *address)
{
    static const char request[] = "snapshot\n";
    static char bytes[READ_BYTES];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint32_t length = 0;
    char last = '\0';
    ssize_t n = -1;

    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
        write(fd, request, strlen(request)) == (ssize_t)strlen(request)) {
        while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
            length += (uint32_t)n;
            last = bytes[n - 1];
        }
    }
    close(fd);
    return n == 0 && (last == '\n' || last == '}') ? length : 0;
}

/* A command is one byte; the end of the commands ends the process. */
__attribute__((noreturn)) static void
reader_serve(const struct sockaddr_un *address, int commands, int answers)
{
    char command;

    while (read(commands, &command, 1) == 1) {
        uint32_t length = snapshot_read(address);

        if (write(answers, &length, sizeof(length)) != sizeof(length)) {
            break;
        }
    }
    _exit(EXIT_SUCCESS);
}

static void
address_choose(struct reader *reader)
{
    strlcpy(reader->dir, "/tmp/osmempool-bench.XXXXXX", sizeof(reader->dir));
    if (mkdtemp(reader->dir) == NULL) {
        die("cannot make a directory in /tmp: %s", strerror(errno));
    }
    reader->address.sun_family = AF_UNIX;
    snprintf(reader->address.sun_path, sizeof(reader->address.sun_path), "%s/pools", reader->dir);
}

/* Forked before there is a pool or a thread: it has nothing of what is measured. */
static void
reader_fork(struct reader *reader)
{
    int down[2];
    int up[2];

    if (pipe2(down, 0) != 0 || pipe2(up, 0) != 0 || (reader->pid = fork()) < 0) {
        die("cannot start a reader process: %s", strerror(errno));
    }
    if (reader->pid == 0) {
        close(down[1]);
        reader_serve(&reader->address, down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    reader->commands = down[1];
    reader->answers = up[0];
}

struct reader *
reader_new(uint32_t n_pools)
{
    struct reader *reader = die_calloc(1, sizeof(*reader));

    address_choose(reader);
    reader_fork(reader);
    reader->pools = pools_many_new(n_pools);
    if (osmempool_export_start(reader->address.sun_path) != OS_OK) {
        die("cannot export to %s: %s", reader->address.sun_path, strerror(errno));
    }
    return reader;
}

void
reader_request(struct reader *reader)
{
    if (write(reader->commands, "s", 1) != 1) {
        die("the reader process has gone");
    }
}

uint32_t
reader_wait(struct reader *reader)
{
    uint32_t length;

    if (read(reader->answers, &length, sizeof(length)) != sizeof(length) ||
        length < reader->pools.n * POOL_BYTES_MIN) {
        die("the reader process got no snapshot of %u pools", reader->pools.n);
    }
    return length;
}

struct reader *
reader_free(struct reader *reader)
{
    close(reader->commands);
    close(reader->answers);
    while (waitpid(reader->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    osmempool_export_stop();
    pools_many_free(&reader->pools);
    rmdir(reader->dir);
    free(reader);
    return NULL;
}
