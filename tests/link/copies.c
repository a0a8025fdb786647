/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copies.c: two copies of the library in one program, its own static one and the shared one that it
 * loads, and threads that come and go and use one pool by way of both, while the program forks.
 * "copies FILE CACHED": 1 gives the pool caches.
 */
#include <dlfcn.h>
#include <os/os_mempool.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "osmempool.h"

enum { THREADS = 3, LIVES = 60, ROUNDS = 3000, BLOCKS = 64, SIZE = 64, HELD = 8, FORKS = 40 };

/* Get and put of both copies. */
static __typeof__(os_memblock_get) *get[2] = {os_memblock_get};
static __typeof__(os_memblock_put) *put[2] = {os_memblock_put};

static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, SIZE)];
static struct os_mempool pool;
static char is_out[BLOCKS];
static unsigned n_wrong;

static void
expect(bool is_right)
{
    if (!is_right) {
        __atomic_add_fetch(&n_wrong, 1, __ATOMIC_RELAXED);
    }
}

/* No block is in two hands. */
static void
note_out(void *block, char now)
{
    size_t i = os_memblock_index(&pool, block);

    expect(i < BLOCKS && __atomic_exchange_n(&is_out[i], now, __ATOMIC_RELAXED) != now);
}

/* One copy most of the time, so that the thread comes to own the pool or a cache by way of it. */
static int
copy_of(unsigned *seed)
{
    return rand_r(seed) % 64 == 0 ? (int)(*seed >> 8) & 1 : (int)(*seed >> 24) & 1;
}

static void *
live(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    void *held[HELD];
    int n = 0;

    for (int i = 0; i < ROUNDS || n > 0; i++) {
        int copy = i % 1024 < 900 ? (int)(uintptr_t)arg & 1 : copy_of(&seed);

        if (i < ROUNDS && n < HELD && rand_r(&seed) % 2 == 0) {
            held[n] = get[copy](&pool);
            expect(held[n] != NULL);
            note_out(held[n++], 1);
        } else if (n > 0) {
            note_out(held[--n], 0);
            expect(put[copy](&pool, held[n]) == OS_OK);
        }
    }
    return NULL;
}

/* One thread after the other, the odd ones with the other copy. */
static void *
live_again_and_again(void *arg)
{
    for (uintptr_t i = 0; i < LIVES; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, live, (void *)((uintptr_t)arg * LIVES + i)) != 0) {
            expect(false);
            return NULL;
        }
        pthread_join(thread, NULL);
    }
    return NULL;
}

/* Takes all by turns and puts them back; how many there were. */
static unsigned
take_all(void)
{
    void *blocks[BLOCKS + 1];
    unsigned n = 0, n_back = 0;

    while (n <= BLOCKS && (blocks[n] = get[n & 1](&pool)) != NULL) {
        n++;
    }
    while (n_back < n && put[n_back & 1](&pool, blocks[n_back]) == OS_OK) {
        n_back++;
    }
    return n_back;
}

/* In the child, what threads hold is out, and all else is there. */
static void
fork_and_look(void)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        alarm(60);
        _exit(take_all() >= BLOCKS - THREADS * HELD && os_mempool_is_sane(&pool) ? 0 : 1);
    }
    waitpid(child, &status, 0);
    expect(status == 0);
}

static bool
begin(const char *path, bool is_cached)
{
    void *copy = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);

    if (copy == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return false;
    }
    get[1] = (__typeof__(get[1]))(uintptr_t)dlsym(copy, OSMEMPOOL_SYMBOL(os_memblock_get));
    put[1] = (__typeof__(put[1]))(uintptr_t)dlsym(copy, OSMEMPOOL_SYMBOL(os_memblock_put));
    return get[1] != NULL && put[1] != NULL && get[1] != get[0] &&
           os_mempool_init(&pool, BLOCKS, SIZE, buffer, "of both") == OS_OK &&
           (!is_cached || os_mempool_cache_enable(&pool, 4) == OS_OK);
}

int
main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    if (argc != 3 || !begin(argv[1], argv[2][0] == '1')) {
        return 9;
    }
    for (uintptr_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, live_again_and_again, (void *)i) != 0) {
            return 9;
        }
    }
    for (int i = 0; i < FORKS; i++) {
        fork_and_look();
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    expect(take_all() == BLOCKS && os_mempool_is_sane(&pool));
    expect(os_mempool_unregister(&pool) == OS_OK);
    printf("%u wrong\n", n_wrong);
    return n_wrong != 0;
}
