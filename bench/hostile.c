/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile.c: what hostile clients of the exporter cost the program: get and put with and without.
 *
 * A process of its own connects, misbehaves and goes, again and again. Rounds with it and without
 * it take turns, and the median of each kind is compared, so that other noise meets both alike. One
 * sample is a batch of pairs, as the clock cannot tell a single one from another by 5 percent.
 */
#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "die.h"
#include "histogram.h"
#include "osmempool.h"

enum {
    BLOCKS = 64,
    BLOCK_BYTES = 64,
    BATCH = 256,
    POOLS = 100,
    ROUNDS_MAX = 1000,
    SHARES = 3,
    CLIENTS_HELD = 32,
};

static const double shares[SHARES] = {0.5, 0.99, 0.999};
static const char *const share_names[SHARES] = {"p50", "p99", "p99.9"};

/* What the client process shares with this one. */
struct flood {
    uint32_t on;
    uint64_t connections;
};

static struct os_mempool pools[POOLS];
static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];

/* What each kind of client sends before it goes or stays; "" for nothing. */
static const char *const misdeeds[] = {"",           "snap",      "snapshot\n",
                                       "\x01\xff\n", "check *\n", "no such verb\n"};

static void
misbehave(const struct sockaddr_un *address, uint64_t number, int *held)
{
    const char *line = misdeeds[number % (sizeof(misdeeds) / sizeof(misdeeds[0]))];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
        send(fd, line, strlen(line), MSG_NOSIGNAL);
    }
    /* Every fourth stays a while: it reads nothing, and its place must be taken from it. */
    if (number % 4 == 0) {
        int *place = &held[number / 4 % CLIENTS_HELD];

        if (*place >= 0) {
            close(*place);
        }
        *place = fd;
    } else {
        close(fd);
    }
}

__attribute__((noreturn)) static void
flood_serve(struct flood *flood, const struct sockaddr_un *address)
{
    int held[CLIENTS_HELD];
    uint64_t number;

    memset(held, -1, sizeof(held));
    for (number = 0;;) {
        /* Relaxed: a switch, and nothing is read on the strength of it. */
        if (__atomic_load_n(&flood->on, __ATOMIC_RELAXED) == 0) {
            usleep(1000);
            continue;
        }
        misbehave(address, number++, held);
        __atomic_store_n(&flood->connections, number, __ATOMIC_RELAXED);
    }
}

static struct flood *
flood_new(const struct sockaddr_un *address, pid_t *pid)
{
    struct flood *flood =
        mmap(NULL, sizeof(*flood), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (flood == MAP_FAILED || (*pid = fork()) < 0) {
        die("cannot start a client process: %s", strerror(errno));
    }
    if (*pid == 0) {
        flood_serve(flood, address);
    }
    return flood;
}

static void
round_work(uint64_t work_ns, double *percentiles)
{
    static struct histogram hist;
    uint64_t end_ns = clock_now_ns() + work_ns;
    uint64_t now_ns = clock_now_ns();
    uint32_t i;

    memset(&hist, 0, sizeof(hist));
    while (now_ns < end_ns) {
        uint64_t before_ns = now_ns;

        for (i = 0; i < BATCH; i++) {
            void *block = os_memblock_get(&pools[0]);

            os_memblock_put(&pools[0], block);
        }
        now_ns = clock_now_ns();
        histogram_add(&hist, now_ns - before_ns);
    }
    for (i = 0; i < SHARES; i++) {
        percentiles[i] = (double)histogram_percentile(&hist, shares[i]) / BATCH;
    }
}

static int
compare(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;

    return (*a > *b) - (*a < *b);
}

static double
median_of(double (*rounds)[SHARES], uint32_t n, uint32_t share)
{
    double values[ROUNDS_MAX];
    uint32_t i;

    for (i = 0; i < n; i++) {
        values[i] = rounds[i][share];
    }
    qsort(values, n, sizeof(values[0]), compare);
    return values[n / 2];
}

static void
run(struct flood *flood, uint32_t n_rounds, uint64_t work_ns)
{
    static double without[ROUNDS_MAX][SHARES];
    static double with[ROUNDS_MAX][SHARES];
    uint32_t i;

    round_work(work_ns, without[0]);
    for (i = 0; i < n_rounds; i++) {
        round_work(work_ns, without[i]);
        __atomic_store_n(&flood->on, 1, __ATOMIC_RELAXED);
        round_work(work_ns, with[i]);
        __atomic_store_n(&flood->on, 0, __ATOMIC_RELAXED);
        /* What is left of the flood is dropped in two seconds, most of it at once. */
        usleep(10000);
    }
    printf("get+put, ns, batches of %d, medians of %u rounds of %ju ms; %ju hostile connections\n",
           BATCH, n_rounds, (uintmax_t)(work_ns / CLOCK_NS_PER_MS),
           (uintmax_t)__atomic_load_n(&flood->connections, __ATOMIC_RELAXED));
    printf("%-8s %8s %8s %8s\n", "", "without", "with", "ratio");
    for (i = 0; i < SHARES; i++) {
        double quiet = median_of(without, n_rounds, i);
        double loud = median_of(with, n_rounds, i);

        printf("%-8s %8.2f %8.2f %8.3f\n", share_names[i], quiet, loud, loud / quiet);
    }
}

static void
pools_register(void)
{
    bool fine = os_mempool_init(&pools[0], BLOCKS, BLOCK_BYTES, buffer, "used") == OS_OK;
    uint32_t i;

    for (i = 1; i < POOLS; i++) {
        fine = fine && os_mempool_init(&pools[i], 0, BLOCK_BYTES, NULL, "idle") == OS_OK;
    }
    if (!fine) {
        die("cannot register pools");
    }
}

int
main(int argc, char **argv)
{
    char dir[] = "/tmp/osmempool-bench.XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *wrong = NULL;
    long n_rounds = argc > 1 ? (long)strtonum(argv[1], 1, ROUNDS_MAX, &wrong) : 30;
    long ms = argc > 2 && wrong == NULL ? (long)strtonum(argv[2], 1, 10000, &wrong) : 100;
    struct flood *flood;
    pid_t pid;

    if (wrong != NULL || argc > 3) {
        fprintf(stderr, "Usage: osmempool-bench-hostile [ROUNDS [MILLISECONDS]]\n");
        return 64;
    }
    if (mkdtemp(dir) == NULL) {
        die("cannot make a directory in /tmp: %s", strerror(errno));
    }
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/pools", dir);
    flood = flood_new(&address, &pid);
    pools_register();
    if (osmempool_export_start(address.sun_path) != OS_OK) {
        die("cannot export to %s: %s", address.sun_path, strerror(errno));
    }
    run(flood, (uint32_t)n_rounds, (uint64_t)ms * CLOCK_NS_PER_MS);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    osmempool_export_stop();
    rmdir(dir);
    return 0;
}
