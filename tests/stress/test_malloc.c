/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_malloc.c: a program whose malloc locks itself at fork before the library does, and one whose
 * malloc stands on a pool. The library must neither wait for malloc under a lock of its own nor
 * come back into a pool by it.
 *
 * malloc's fork handlers are registered in main(), after the library's, so that they run first. Not
 * for sanitizers and Valgrind, which have a malloc of their own.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "osmempool.h"

enum { WORKERS = 4, BLOCKS = 256, SIZE = 64, DEPTH = 64, HELD = 32, TURNS = 20 };
enum { SMALL_BLOCKS = 4096, SMALL_SIZE = 256, ALARM_SECONDS = 120 };

/* glibc's own, under the names that it has for programs which replace malloc(). */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t n);
extern void __libc_free(void *old);

static pthread_mutex_t heap = PTHREAD_MUTEX_INITIALIZER;
static struct os_mempool small;
static os_membuf_t small_buffer[OS_MEMPOOL_SIZE(SMALL_BLOCKS, SMALL_SIZE)];
static bool small_is_used;
static unsigned long n_small;

static void *
small_get(size_t n)
{
    void *block = small_is_used && n <= SMALL_SIZE ? os_memblock_get(&small) : NULL;

    __atomic_fetch_add(&n_small, block != NULL, __ATOMIC_RELAXED);
    return block;
}

void *
malloc(size_t n)
{
    void *memory = small_get(n);

    if (memory == NULL) {
        pthread_mutex_lock(&heap);
        memory = __libc_malloc(n);
        pthread_mutex_unlock(&heap);
    }
    return memory;
}

void *
calloc(size_t n, size_t size)
{
    void *memory = n <= SMALL_SIZE && size <= SMALL_SIZE ? small_get(n * size) : NULL;

    if (memory != NULL) {
        return memset(memory, 0, SMALL_SIZE);
    }
    pthread_mutex_lock(&heap);
    memory = __libc_calloc(n, size);
    pthread_mutex_unlock(&heap);
    return memory;
}

void
free(void *old)
{
    if (old != NULL && os_memblock_from(&small, old)) {
        os_memblock_put(&small, old);
        return;
    }
    pthread_mutex_lock(&heap);
    __libc_free(old);
    pthread_mutex_unlock(&heap);
}

void *
realloc(void *old, size_t n)
{
    void *memory;

    if (old != NULL && os_memblock_from(&small, old)) {
        memory = malloc(n);
        if (memory != NULL) {
            memcpy(memory, old, n < SMALL_SIZE ? n : SMALL_SIZE);
            free(old);
        }
        return memory;
    }
    pthread_mutex_lock(&heap);
    memory = __libc_realloc(old, n);
    pthread_mutex_unlock(&heap);
    return memory;
}

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

static void
use(struct crew_worker *worker, struct os_mempool *mp)
{
    void *held[HELD];

    for (unsigned turn = 0; turn < TURNS; turn++) {
        for (unsigned i = 0; i < HELD; i++) {
            held[i] = os_memblock_get(mp);
            crew_expect(worker, held[i] != NULL);
        }
        for (unsigned i = 0; i < HELD; i++) {
            crew_expect(worker, os_memblock_put(mp, held[i]) == OS_OK);
        }
    }
}

/* A pool with caches comes and goes: all that the library needs memory for. */
static void *
live_once(void *arg)
{
    struct crew_worker *worker = arg;
    os_membuf_t *buffer = malloc(OS_MEMPOOL_BYTES(BLOCKS, SIZE));
    char *note = malloc(SIZE);
    struct os_mempool mp;

    if (!crew_expect(worker, buffer != NULL && note != NULL)) {
        return NULL;
    }
    crew_expect(worker, os_mempool_init(&mp, BLOCKS, SIZE, buffer, "churn") == OS_OK);
    crew_expect(worker, os_mempool_cache_enable(&mp, DEPTH) == OS_OK);
    use(worker, &mp);
    crew_expect(worker, os_mempool_cache_enable(&mp, DEPTH / 2) == OS_OK);
    use(worker, &mp);
    crew_expect(worker, os_mempool_unregister(&mp) == OS_OK);
    free(note);
    free(buffer);
    return NULL;
}

static void
fork_once(struct crew_worker *worker)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        alarm(ALARM_SECONDS);
        free(malloc(100));
        live_once(worker);
        _exit(worker->wrong == NULL ? 0 : 1);
    }
    crew_expect(worker, child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void
live(struct crew_worker *worker)
{
    pthread_t thread;

    while (crew_goes_on(worker) && worker->wrong == NULL) {
        if (worker->number == 1) {
            fork_once(worker);
        } else if (crew_random(worker, 4) == 0) {
            if (crew_expect(worker, pthread_create(&thread, NULL, live_once, worker) == 0)) {
                pthread_join(thread, NULL);
            }
        } else {
            live_once(worker);
        }
        worker->rounds++;
    }
}

static void
run(void)
{
    struct crew crew;

    alarm(ALARM_SECONDS + crew_scale(0, 0, 600));
    crew_begin(&crew, WORKERS, live, NULL);
    crew_stop_after(&crew, crew_scale(300, 2500, 60000));
    crew_join(&crew);
}

static void
a_malloc_that_locks_itself_first_may_fork(void **state)
{
    run();
}

static void
a_malloc_may_stand_on_a_pool(void **state)
{
    assert_int_equal(os_mempool_init(&small, SMALL_BLOCKS, SMALL_SIZE, small_buffer, "small"),
                     OS_OK);
    for (int cached = 0; cached < 2; cached++) {
        n_small = 0;
        small_is_used = true;
        if (cached) {
            assert_int_equal(os_mempool_cache_enable(&small, DEPTH), OS_OK);
        }
        run();
        small_is_used = false;
        assert_true(n_small > 0);
    }
    assert_true(os_mempool_is_sane(&small));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_malloc_that_locks_itself_first_may_fork),
        cmocka_unit_test(a_malloc_may_stand_on_a_pool),
    };

    pthread_atfork(heap_lock, heap_unlock, heap_unlock);
    return cmocka_run_group_tests_name("malloc", tests, NULL, NULL);
}
