/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pages.h"
#include "base/tool.h"

/* From a cache line, so that no two pieces share one. */
enum { ARENA_SHIFT_MIN = 6, ARENA_SHIFT_MAX = 15, ARENA_CHUNK_BYTES = 65536 };

struct arena_piece {
    struct arena_piece *next;
};

/*
 * Pieces of one size: those that are free, and a chunk of which so many bytes are not cut up yet.
 *
 * A child is forked at any moment, also in a critical section of another thread. So each change is
 * one store that leaves the class whole, and a release store: what it relies on is in the child's
 * copy of memory, too. At worst the child does without the piece of a thread that it does not have.
 */
struct arena_class {
    struct arena_piece *free;
    char *chunk;
    size_t rest;
};

/* One of them is in use. A child goes over to the other if a thread that it does not have is in the
 * critical section: for checkers of races that thread holds its mutex for ever. */
static pthread_mutex_t arena_mutexes[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_mutex_t *arena_mutex = &arena_mutexes[0];
static struct arena_class arena_classes[ARENA_SHIFT_MAX + 1];

/*
 * The thread that forks, 0 for none. Relaxed: a thread compares it with itself only, and what it
 * stored itself it sees.
 */
static uintptr_t arena_forker;
static pid_t arena_process; /* its process; the forking thread's alone */

/* In the child, before its handler has run: the mutex may be that of a thread which is not there.
 */
static bool
arena_is_left_behind(void)
{
    return __atomic_load_n(&arena_forker, __ATOMIC_RELAXED) == (uintptr_t)pthread_self() &&
           arena_process != getpid();
}

static void
arena_lock(void)
{
    if (!arena_is_left_behind()) {
        pthread_mutex_lock(arena_mutex);
    }
}

static void
arena_unlock(void)
{
    if (!arena_is_left_behind()) {
        pthread_mutex_unlock(arena_mutex);
    }
}

static unsigned
arena_shift(size_t n)
{
    unsigned shift = ARENA_SHIFT_MIN;

    while (((size_t)1 << shift) < n) {
        shift++;
    }
    return shift;
}

/* A new piece off the chunk; NULL without memory. */
static void *
arena_cut(struct arena_class *class, size_t bytes)
{
    char *piece;

    if (class->rest == 0) {
        class->chunk = pages_map(ARENA_CHUNK_BYTES);
        __atomic_store_n(&class->rest, class->chunk != NULL ? ARENA_CHUNK_BYTES : 0,
                         __ATOMIC_RELEASE);
    }
    if (class->rest == 0) {
        return NULL;
    }
    piece = class->chunk + (ARENA_CHUNK_BYTES - class->rest);
    __atomic_store_n(&class->rest, class->rest - bytes, __ATOMIC_RELEASE);
    return piece;
}

static void *
arena_take(unsigned shift)
{
    struct arena_class *class = &arena_classes[shift];
    struct arena_piece *piece;

    arena_lock();
    piece = class->free;
    if (piece != NULL) {
        __atomic_store_n(&class->free, piece->next, __ATOMIC_RELEASE);
    } else {
        piece = arena_cut(class, (size_t)1 << shift);
    }
    arena_unlock();
    return piece;
}

void *
arena_alloc(size_t n)
{
    void *piece;

    if (n > ARENA_PIECE_MAX) {
        return pages_map(n);
    }
    piece = arena_take(arena_shift(n));
    return piece != NULL ? memset(piece, 0, n) : NULL;
}

void *
arena_alloc_array(size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n, size, &bytes) ? NULL : arena_alloc(bytes);
}

void
arena_free(void *piece, size_t n)
{
    struct arena_piece *freed = piece;
    struct arena_class *class;

    if (piece == NULL) {
        return;
    }
    if (n > ARENA_PIECE_MAX) {
        munmap(piece, n);
        return;
    }
    class = &arena_classes[arena_shift(n)];
    arena_lock();
    freed->next = class->free;
    __atomic_store_n(&class->free, freed, __ATOMIC_RELEASE);
    arena_unlock();
}

void
arena_fork_prepare(void)
{
    arena_process = getpid();
    tool_atomics(&arena_forker, sizeof(arena_forker));
    __atomic_store_n(&arena_forker, (uintptr_t)pthread_self(), __ATOMIC_RELAXED);
}

void
arena_fork_parent(void)
{
    __atomic_store_n(&arena_forker, 0, __ATOMIC_RELAXED);
}

void
arena_fork_child(void)
{
    if (pthread_mutex_trylock(arena_mutex) == 0) {
        pthread_mutex_unlock(arena_mutex);
    } else {
        arena_mutex = arena_mutex == arena_mutexes ? arena_mutexes + 1 : arena_mutexes;
        pthread_mutex_init(arena_mutex, NULL);
    }
    arena_fork_parent();
}
