/* SPDX-License-Identifier: Apache-2.0 */
/* test_arena.c: the library's own allocator, and what a fork in the middle of it leaves. */
#include "base/arena.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "common/box.h"

enum { PIECES = 3000, FORKS = 200, FORKS_FEW = 20, BUSY = 2, HELD = 40 };

/* Sizes of all classes, and one above them. */
static size_t
size_of(unsigned i)
{
    static const size_t sizes[] = {1, 64, 65, 576, 1000, 4096, 20000, ARENA_PIECE_MAX};

    return sizes[i % LENGTH(sizes)];
}

static bool
is_zero(const unsigned char *bytes, size_t n)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

/* Pieces of all sizes are full of zeroes, and nobody else writes to them. */
static bool
pieces_are_good(unsigned n)
{
    unsigned char *pieces[PIECES];
    bool good = true;

    for (unsigned i = 0; i < n; i++) {
        pieces[i] = arena_alloc(size_of(i));
        good = good && pieces[i] != NULL && (uintptr_t)pieces[i] % 64 == 0 &&
               is_zero(pieces[i], size_of(i));
        if (!good) {
            return false;
        }
        memset(pieces[i], 1 + (int)(i % 255), size_of(i));
    }
    for (unsigned i = 0; i < n; i++) {
        good = good && pieces[i][0] == 1 + i % 255 &&
               memcmp(pieces[i], pieces[i] + 1, size_of(i) - 1) == 0;
        arena_free(pieces[i], size_of(i));
    }
    return good;
}

static void
pieces_are_aligned_zeroed_and_apart(void **state)
{
    assert_true(pieces_are_good(PIECES));
    assert_true(pieces_are_good(PIECES));
}

static void
what_is_too_large_is_refused(void **state)
{
    assert_null(arena_alloc_array(SIZE_MAX / 2, 3));
    assert_null(arena_alloc(SIZE_MAX / 2));
    arena_free(NULL, 64);
}

static bool busy;

static void *
stay_busy(void *arg)
{
    bool good = true;

    while (__atomic_load_n(&busy, __ATOMIC_RELAXED)) {
        good = pieces_are_good(HELD) && good;
    }
    return good ? NULL : arg;
}

static bool
child_allocates(void *arg)
{
    return pieces_are_good(HELD);
}

/* A fork handler of another library, in the child before the library's own. */
static bool handler_is_on;
static bool handler_was_well = true;

static void
allocate_in_handler(void)
{
    handler_was_well = handler_was_well && (!handler_is_on || pieces_are_good(HELD));
}

__attribute__((constructor(101))) static void
register_handler(void)
{
    pthread_atfork(allocate_in_handler, allocate_in_handler, allocate_in_handler);
}

static bool
handler_and_child_allocate(void *arg)
{
    return handler_was_well && pieces_are_good(HELD);
}

static void
fork_often(bool (*look)(void *))
{
    const unsigned forks = rounds_of(FORKS, FORKS_FEW);
    pthread_t threads[BUSY];
    bool good = true;
    void *wrong;

    __atomic_store_n(&busy, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < BUSY; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, stay_busy, &busy), 0);
    }
    for (unsigned i = 0; i < forks; i++) {
        good = true_in_child(look, NULL) && good;
    }
    __atomic_store_n(&busy, false, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < BUSY; i++) {
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        good = good && wrong == NULL;
    }
    assert_true(good);
}

static void
a_child_allocates_whatever_other_threads_were_at(void **state)
{
    fork_often(child_allocates);
}

static void
other_libraries_fork_handlers_allocate(void **state)
{
    handler_is_on = true;
    fork_often(handler_and_child_allocate);
    handler_is_on = false;
    assert_true(handler_was_well);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_zeroed_and_apart),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(a_child_allocates_whatever_other_threads_were_at),
        cmocka_unit_test(other_libraries_fork_handlers_allocate),
    };

    return check_run("arena", tests, 2, !is_under_tsan());
}
