/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/pages.h"
#include "base/tool.h"

/* From a cache line, so that no two pieces share one. */
enum { ARENA_SHIFT_MIN = 6, ARENA_SHIFT_MAX = 15, ARENA_CHUNK_BYTES = 65536 };

struct arena_piece {
    struct arena_piece *next;
};

/* Pieces of one size: those that are free, and a chunk that is not yet cut up. */
struct arena_class {
    struct arena_piece *free;
    char *rest;
    size_t rest_bytes;
};

static pthread_mutex_t arena_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct arena_class arena_classes[ARENA_SHIFT_MAX + 1];

/*
 * The thread that holds the mutex for a fork, 0 for none: other libraries' fork handlers may make
 * it allocate. Relaxed: a thread compares it with itself only, and what it stored itself it sees.
 */
static uintptr_t arena_forker;

static bool
arena_is_mine(void)
{
    return __atomic_load_n(&arena_forker, __ATOMIC_RELAXED) == (uintptr_t)pthread_self();
}

static void
arena_lock(void)
{
    if (!arena_is_mine()) {
        pthread_mutex_lock(&arena_mutex);
    }
}

static void
arena_unlock(void)
{
    if (!arena_is_mine()) {
        pthread_mutex_unlock(&arena_mutex);
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

    if (class->rest_bytes == 0) {
        class->rest = pages_map(ARENA_CHUNK_BYTES);
        class->rest_bytes = class->rest != NULL ? ARENA_CHUNK_BYTES : 0;
    }
    piece = class->rest;
    if (class->rest_bytes > 0) {
        class->rest += bytes;
        class->rest_bytes -= bytes;
    }
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
        class->free = piece->next;
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
    class->free = freed;
    arena_unlock();
}

void
arena_fork_prepare(void)
{
    pthread_mutex_lock(&arena_mutex);
    tool_atomics(&arena_forker, sizeof(arena_forker));
    __atomic_store_n(&arena_forker, (uintptr_t)pthread_self(), __ATOMIC_RELAXED);
}

void
arena_fork_parent(void)
{
    __atomic_store_n(&arena_forker, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&arena_mutex);
}

/* The mutex is plain and this thread's own. */
void
arena_fork_child(void)
{
    arena_fork_parent();
}
