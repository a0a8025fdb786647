/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cached.c: a pool that two threads share, with a cache for each, and blocks in bulk.
 *
 * The main thread takes packets and hands them on, a burst at a time; another puts them back. Each
 * works from its cache; the pool's lock is taken for every few bursts only. At the end the
 * main thread takes all blocks at once, although the caches hold some: none is stranded there.
 */
#include <osmempool.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define N_PACKETS   1024
#define PACKET_SIZE 256
#define BURST       32
#define DEPTH       128 /* blocks per thread; a few bursts */
#define N_BURSTS    5000

/* What is handed on: one burst at a time, and the end. */
struct box {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void *packets[BURST];
    unsigned n;
    bool end;
    bool bad;
};

static os_membuf_t buffer[OS_MEMPOOL_SIZE(N_PACKETS, PACKET_SIZE)];
static struct os_mempool pool;
static struct box box = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* The box is empty again only when its packets are back in the pool. */
static void *
put_back(void *unused)
{
    pthread_mutex_lock(&box.mutex);
    while (box.n > 0 || !box.end) {
        if (box.n == 0) {
            pthread_cond_wait(&box.changed, &box.mutex);
            continue;
        }
        box.bad = box.bad || os_memblock_put_bulk(&pool, box.packets, box.n) != OS_OK;
        box.n = 0;
        pthread_cond_signal(&box.changed);
    }
    pthread_mutex_unlock(&box.mutex);
    return NULL;
}

/* Waits until the box is empty, then fills it. With n 0, only waits. */
static void
hand_on(void *const *packets, unsigned n, bool end)
{
    pthread_mutex_lock(&box.mutex);
    while (box.n > 0) {
        pthread_cond_wait(&box.changed, &box.mutex);
    }
    for (unsigned i = 0; i < n; i++) {
        box.packets[i] = packets[i];
    }
    box.n = n;
    box.end = end;
    pthread_cond_signal(&box.changed);
    pthread_mutex_unlock(&box.mutex);
}

static bool
send_bursts(void)
{
    void *packets[BURST];

    for (unsigned i = 0; i < N_BURSTS; i++) {
        /* All 32 or none: there is no half of a burst to give back. */
        if (os_memblock_get_bulk(&pool, packets, BURST) != OS_OK) {
            return false;
        }
        hand_on(packets, BURST, false);
    }
    hand_on(NULL, 0, false);
    return true;
}

static bool
take_all_at_once(void)
{
    static void *packets[N_PACKETS];

    return os_memblock_get_bulk(&pool, packets, N_PACKETS) == OS_OK &&
           os_memblock_get(&pool) == NULL &&
           os_memblock_put_bulk(&pool, packets, N_PACKETS) == OS_OK;
}

int
main(void)
{
    struct os_mempool_stats stats;
    pthread_t thread;
    bool sent;
    bool whole;

    if (os_mempool_init(&pool, N_PACKETS, PACKET_SIZE, buffer, "packets") != OS_OK ||
        os_mempool_cache_enable(&pool, DEPTH) != OS_OK ||
        pthread_create(&thread, NULL, put_back, NULL) != 0) {
        return EXIT_FAILURE;
    }
    sent = send_bursts();
    os_mempool_stats_get(&pool, &stats, sizeof(stats));
    printf("%llu packets went through; %u are free, %u of them in caches\n",
           (unsigned long long)stats.gets, stats.num_free, stats.num_cached);
    whole = take_all_at_once();
    printf("all %u at once: %s\n", N_PACKETS, whole ? "yes" : "no");
    hand_on(NULL, 0, true);
    pthread_join(thread, NULL);
    return sent && whole && !box.bad && stats.num_free == N_PACKETS ? EXIT_SUCCESS : EXIT_FAILURE;
}
