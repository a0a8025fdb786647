/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_malloc.c: a malloc() that locks itself for a fork before the exporter does.
 *
 * An allocator that registers its fork handlers after the library has them run first. Whoever then
 * waits in fork() for a thread that allocates or frees, waits for ever. While the program forks,
 * one thread asks the exporter, which makes and frees answers, and another starts and stops it.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "osmempool.h"

enum { FORKS = 500, HANG_SECONDS = 240 };

/* glibc's own, under the names that it has for programs which replace malloc(). */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t n);
extern void __libc_free(void *old);

static pthread_mutex_t heap = PTHREAD_MUTEX_INITIALIZER;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static bool over;

static void
heap_lock(void)
{
    pthread_mutex_lock(&heap);
}

static void
heap_unlock(void)
{
    pthread_mutex_unlock(&heap);
}

void *
malloc(size_t n)
{
    void *memory;

    heap_lock();
    memory = __libc_malloc(n);
    heap_unlock();
    return memory;
}

void *
calloc(size_t n, size_t size)
{
    void *memory;

    heap_lock();
    memory = __libc_calloc(n, size);
    heap_unlock();
    return memory;
}

void *
realloc(void *old, size_t n)
{
    void *memory;

    heap_lock();
    memory = __libc_realloc(old, n);
    heap_unlock();
    return memory;
}

void
free(void *old)
{
    heap_lock();
    __libc_free(old);
    heap_unlock();
}

static bool
is_over(void)
{
    return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

/* Some clients read their answer, others leave. */
static void *
ask(void *arg)
{
    char bytes[256];
    int n;

    for (n = 0; !is_over(); n++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
            send(fd, "snapshot\n", 9, MSG_NOSIGNAL) == 9) {
            while (n % 2 == 0 && recv(fd, bytes, sizeof(bytes), 0) > 0) {
            }
        }
        close(fd);
    }
    return NULL;
}

static void *
start_and_stop(void *arg)
{
    while (!is_over()) {
        osmempool_export_stop();
        osmempool_export_start(address.sun_path);
        usleep(1000);
    }
    return NULL;
}

/* How many children ended otherwise than they should. */
static int
fork_often(void)
{
    int bad = 0;
    int i;

    for (i = 0; i < FORKS; i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            _exit(EXIT_SUCCESS);
        }
        bad += child < 0 || waitpid(child, &status, 0) != child || status != 0;
    }
    return bad;
}

int
main(void)
{
    char directory[] = "/tmp/osmp-fork-XXXXXX";
    pthread_t threads[2];
    int bad;

    alarm(HANG_SECONDS);
    if (mkdtemp(directory) == NULL) {
        return EXIT_FAILURE;
    }
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);
    if (osmempool_export_start(address.sun_path) != OS_OK) {
        return EXIT_FAILURE;
    }
    pthread_atfork(heap_lock, heap_unlock, heap_unlock);
    pthread_create(&threads[0], NULL, ask, NULL);
    pthread_create(&threads[1], NULL, start_and_stop, NULL);
    bad = fork_often();
    __atomic_store_n(&over, true, __ATOMIC_RELAXED);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    osmempool_export_stop();
    return bad == 0 && rmdir(directory) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
