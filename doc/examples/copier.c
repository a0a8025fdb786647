/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copier.c: copies a file through memory pools with several threads.
 *
 *     reader  ->  bounded queue  ->  workers (sum each packet)  ->  in order  ->  writer
 *
 * Three pools bound what it uses, whatever the size of the file:
 *   copier.packets   2 KiB of the file each
 *   copier.jobs      what is known of a packet on its way
 *   copier.passes    one copy of the file; extended: its put callback closes the files
 * The reader takes blocks and the writer puts them back, so every block crosses threads. A reader
 * that finds a pool empty waits until the writer has put one. After each pass the sum of the copy
 * is compared with that of the original and with what the workers summed up on the way.
 *
 * With --seconds it copies again and again, to be watched:
 *     OSMEMPOOL_EXPORT=1 copier --seconds 30 FROM TO &
 *     mempoolstat -d 1
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <os_mempool.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define PACKET_BYTES 2048
#define QUEUE_ROOM   16
#define N_PASSES     2
#define MAX_WORKERS  64

/* One copy of the file, from its first byte to its comparison. */
struct pass {
    int from;
    int to; /* opened by the writer, when it is done with the pass before */
    off_t n_bytes;
    uint64_t digest;
};

/* A packet on its way; the end of a pass is a job without one. */
struct job {
    uint64_t number; /* from 0, through all passes */
    struct pass *pass;
    char *packet;
    size_t n_bytes;
    uint64_t sum;
    bool last; /* no job follows */
};

/* First in, first out; closed, it gives what is left and then NULL. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *jobs[QUEUE_ROOM];
    unsigned first;
    unsigned n_jobs;
    bool closed;
};

/*
 * Jobs come in any order and leave by number. As many slots as there are job blocks: the jobs on
 * their way have consecutive numbers, so that no two share a slot.
 */
struct lane {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job **slots;
    uint64_t n_slots;
};

static struct os_mempool packets;
static struct os_mempool jobs;
static struct os_mempool_ext passes;
static os_membuf_t passes_memory[OS_MEMPOOL_SIZE(N_PASSES, sizeof(struct pass))];

/* The writer has put a block back. */
static pthread_mutex_t returned_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t returned = PTHREAD_COND_INITIALIZER;

static struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER};
static struct lane lane = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static const char *path_from;
static const char *path_to;
static unsigned n_packets = 64;
static unsigned n_workers = 2;
static unsigned delay_us;
static unsigned seconds;

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A block; waits while the pool has none. The lock makes sure that no put is missed in between. */
static void *
block_get(struct os_mempool *mp)
{
    void *block;

    pthread_mutex_lock(&returned_lock);
    while ((block = os_memblock_get(mp)) == NULL) {
        pthread_cond_wait(&returned, &returned_lock);
    }
    pthread_mutex_unlock(&returned_lock);
    return block;
}

static void
block_put(struct os_mempool *mp, void *block)
{
    if (os_memblock_put(mp, block) != OS_OK) {
        errx(EXIT_FAILURE, "a block does not go back into the pool '%s'", mp->name);
    }
    pthread_mutex_lock(&returned_lock);
    pthread_cond_signal(&returned);
    pthread_mutex_unlock(&returned_lock);
}

static void
queue_push(struct job *job)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.n_jobs == QUEUE_ROOM) {
        pthread_cond_wait(&queue.changed, &queue.lock);
    }
    queue.jobs[(queue.first + queue.n_jobs) % QUEUE_ROOM] = job;
    queue.n_jobs++;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static struct job *
queue_pop(void)
{
    struct job *job = NULL;

    pthread_mutex_lock(&queue.lock);
    while (queue.n_jobs == 0 && !queue.closed) {
        pthread_cond_wait(&queue.changed, &queue.lock);
    }
    if (queue.n_jobs > 0) {
        job = queue.jobs[queue.first];
        queue.first = (queue.first + 1) % QUEUE_ROOM;
        queue.n_jobs--;
        pthread_cond_broadcast(&queue.changed);
    }
    pthread_mutex_unlock(&queue.lock);
    return job;
}

static void
queue_close(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.closed = true;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
}

static void
lane_put(struct job *job)
{
    pthread_mutex_lock(&lane.lock);
    lane.slots[job->number % lane.n_slots] = job;
    pthread_cond_signal(&lane.changed);
    pthread_mutex_unlock(&lane.lock);
}

static struct job *
lane_take(uint64_t number)
{
    struct job **slot = &lane.slots[number % lane.n_slots];
    struct job *job;

    pthread_mutex_lock(&lane.lock);
    while (*slot == NULL) {
        pthread_cond_wait(&lane.changed, &lane.lock);
    }
    job = *slot;
    *slot = NULL;
    pthread_mutex_unlock(&lane.lock);
    return job;
}

/* Fills a packet, but for the file's end: so the same bytes make the same packets each time. */
static size_t
file_read(int fd, off_t offset, char *packet, const char *path)
{
    size_t done = 0;
    ssize_t n;

    do {
        n = pread(fd, packet + done, PACKET_BYTES - done, offset + (off_t)done);
        if (n < 0 && errno != EINTR) {
            err(EXIT_FAILURE, "cannot read '%s'", path);
        }
        done += n > 0 ? (size_t)n : 0;
    } while (n != 0 && done < PACKET_BYTES);
    return done;
}

static void
file_write(int fd, off_t offset, const char *packet, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = pwrite(fd, packet, n_bytes, offset);

        if (n < 0 && errno != EINTR) {
            err(EXIT_FAILURE, "cannot write '%s'", path_to);
        }
        if (n > 0) {
            packet += n;
            offset += n;
            n_bytes -= (size_t)n;
        }
    }
}

/* FNV-1a of a packet, and packet by packet of a file. */
static uint64_t
sum_bytes(const char *bytes, size_t n)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < n; i++) {
        sum = (sum ^ (unsigned char)bytes[i]) * 1099511628211u;
    }
    return sum;
}

static uint64_t
sum_add(uint64_t digest, uint64_t sum)
{
    return (digest ^ sum) * 1099511628211u;
}

static uint64_t
sum_file(int fd, const char *path)
{
    char packet[PACKET_BYTES];
    uint64_t digest = 0;
    off_t offset = 0;
    size_t n;

    while ((n = file_read(fd, offset, packet, path)) > 0) {
        digest = sum_add(digest, sum_bytes(packet, n));
        offset += (off_t)n;
    }
    return digest;
}

/* The put callback of the passes: what a pass holds goes with it. */
static os_error_t
pass_end(struct os_mempool_ext *ext, void *data, void *arg)
{
    struct pass *pass = data;

    close(pass->from);
    if (pass->to >= 0 && close(pass->to) < 0) {
        err(EXIT_FAILURE, "cannot write '%s'", path_to);
    }
    return os_memblock_put_from_cb(&ext->mpe_mp, pass);
}

static struct pass *
pass_begin(void)
{
    struct pass *pass = block_get(&passes.mpe_mp);

    *pass = (struct pass){.to = -1};
    pass->from = open(path_from, O_RDONLY | O_CLOEXEC);
    if (pass->from < 0) {
        err(EXIT_FAILURE, "cannot open '%s'", path_from);
    }
    return pass;
}

/* Empties the old copy only after it has made sure that it is not the original. */
static void
pass_open_copy(struct pass *pass)
{
    struct stat from;
    struct stat to;

    pass->to = open(path_to, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (pass->to < 0 || fstat(pass->from, &from) < 0 || fstat(pass->to, &to) < 0) {
        err(EXIT_FAILURE, "cannot open '%s'", path_to);
    }
    if (!S_ISREG(from.st_mode) || !S_ISREG(to.st_mode)) {
        errx(EX_USAGE, "'%s' and '%s' must be regular files", path_from, path_to);
    }
    if (from.st_dev == to.st_dev && from.st_ino == to.st_ino) {
        errx(EX_USAGE, "'%s' and '%s' are the same file", path_from, path_to);
    }
    if (ftruncate(pass->to, 0) < 0) {
        err(EXIT_FAILURE, "cannot empty '%s'", path_to);
    }
}

static void
pass_compare(const struct pass *pass)
{
    uint64_t from = sum_file(pass->from, path_from);
    uint64_t to = sum_file(pass->to, path_to);

    if (from != pass->digest || to != pass->digest) {
        errx(EXIT_FAILURE, "sums differ: original %016llx, copy %016llx, on the way %016llx",
             (unsigned long long)from, (unsigned long long)to, (unsigned long long)pass->digest);
    }
}

/* A packet and its job; the packet is filled. */
static struct job *
job_read(struct pass *pass)
{
    char *packet = block_get(&packets);
    struct job *job = block_get(&jobs);

    *job = (struct job){.pass = pass, .packet = packet};
    job->n_bytes = file_read(pass->from, pass->n_bytes, packet, path_from);
    pass->n_bytes += (off_t)job->n_bytes;
    return job;
}

static void *
reader_run(void *argument)
{
    double end = now() + seconds;
    uint64_t number = 0;
    bool more;

    do {
        struct pass *pass = pass_begin();
        bool at_end;

        do {
            struct job *job = job_read(pass);

            at_end = job->n_bytes == 0;
            more = !at_end || now() < end;
            job->last = !more;
            job->number = number++;
            queue_push(job);
        } while (!at_end);
    } while (more);
    queue_close();
    return NULL;
}

static void *
worker_run(void *argument)
{
    const struct timespec delay = {delay_us / 1000000, (long)(delay_us % 1000000) * 1000};
    struct job *job;

    while ((job = queue_pop()) != NULL) {
        job->sum = sum_bytes(job->packet, job->n_bytes);
        if (delay_us > 0) {
            nanosleep(&delay, NULL);
        }
        lane_put(job);
    }
    return NULL;
}

/* The job is the next in order. Returns whether it ended a pass. */
static bool
writer_take(struct job *job, off_t *offset)
{
    struct pass *pass = job->pass;
    bool at_end = job->n_bytes == 0;

    if (pass->to < 0) {
        pass_open_copy(pass);
        *offset = 0;
    }
    if (at_end) {
        pass_compare(pass);
        block_put(&passes.mpe_mp, pass);
    } else {
        file_write(pass->to, *offset, job->packet, job->n_bytes);
        pass->digest = sum_add(pass->digest, job->sum);
        *offset += (off_t)job->n_bytes;
    }
    return at_end;
}

/* Writes until the last job, and tells how much it was. */
static void
writer_run(void)
{
    unsigned long long n_bytes = 0;
    unsigned long n_copies = 0;
    double began = now();
    uint64_t number = 0;
    off_t offset = 0;
    bool last;

    do {
        struct job *job = lane_take(number++);

        last = job->last;
        n_bytes += job->n_bytes;
        n_copies += writer_take(job, &offset);
        block_put(&packets, job->packet);
        block_put(&jobs, job);
    } while (!last);
    printf("%lu %s, %llu bytes in %.2f s; the sums agree\n", n_copies,
           n_copies == 1 ? "copy" : "copies", n_bytes, now() - began);
}

static void
pool_print(const char *name)
{
    struct os_mempool_info info;

    if (os_mempool_get(name, &info) != NULL) {
        printf("%-16s %4d blocks of %4d bytes, %4d free, at least %4d free\n", info.omi_name,
               info.omi_num_blocks, info.omi_block_size, info.omi_num_free, info.omi_min_free);
    }
}

static void *
memory(size_t n_bytes)
{
    void *bytes = calloc(1, n_bytes);

    if (bytes == NULL) {
        err(EXIT_FAILURE, "no memory for %zu bytes", n_bytes);
    }
    return bytes;
}

static void
pool_init(struct os_mempool *mp, unsigned n_blocks, unsigned size, const char *name)
{
    void *buffer = memory(OS_MEMPOOL_BYTES(n_blocks, size));

    if (os_mempool_init(mp, n_blocks, size, buffer, name) != OS_OK) {
        errx(EXIT_FAILURE, "cannot make the pool '%s'", name);
    }
}

static void
pools_init(void)
{
    pool_init(&packets, n_packets, PACKET_BYTES, "copier.packets");
    pool_init(&jobs, n_packets, sizeof(struct job), "copier.jobs");
    if (os_mempool_ext_init(&passes, N_PASSES, sizeof(struct pass), passes_memory,
                            "copier.passes") != OS_OK) {
        errx(EXIT_FAILURE, "cannot make the pool of passes");
    }
    passes.mpe_put_cb = pass_end;
    lane.n_slots = n_packets;
    lane.slots = memory(n_packets * sizeof(struct job *));
}

/* The static pools outlive main(); the memory from pool_init() does not. */
static void
pools_end(void)
{
    os_mempool_unregister(&passes.mpe_mp);
    os_mempool_unregister(&jobs);
    os_mempool_unregister(&packets);
    free((void *)jobs.mp_membuf_addr);
    free((void *)packets.mp_membuf_addr);
    free(lane.slots);
}

static void
thread_start(pthread_t *thread, void *(*run)(void *))
{
    int error = pthread_create(thread, NULL, run, NULL);

    if (error != 0) {
        errno = error;
        err(EXIT_FAILURE, "cannot start a thread");
    }
}

static void
copy(void)
{
    pthread_t threads[MAX_WORKERS + 1];

    thread_start(&threads[0], reader_run);
    for (unsigned i = 1; i <= n_workers; i++) {
        thread_start(&threads[i], worker_run);
    }
    writer_run();
    for (unsigned i = 0; i <= n_workers; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void
usage(FILE *out)
{
    fputs("Usage: copier [OPTION]... FROM TO\n"
          "Copies a file through memory pools with several threads.\n\n"
          "  -w, --workers N   threads that sum packets, 1 to 64 (default 2)\n"
          "  -p, --packets N   blocks of 2 KiB, 1 to 65536 (default 64)\n"
          "  -s, --seconds N   copy again until N seconds have passed, at most 86400\n"
          "  -d, --delay USEC  let a worker sleep so long at each packet, at most 1000000\n"
          "  -h, --help        this help\n\n"
          "With OSMEMPOOL_EXPORT=1 in the environment mempoolstat shows its pools meanwhile.\n",
          out);
}

static unsigned
option_number(const char *option, const char *text, unsigned least, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value < least || value > most) {
        errx(EX_USAGE, "%s needs a number from %u to %u, not '%s'", option, least, most, text);
    }
    return (unsigned)value;
}

static void
options_read(int argc, char **argv)
{
    static const struct option longs[] = {
        {"workers", required_argument, NULL, 'w'}, {"packets", required_argument, NULL, 'p'},
        {"seconds", required_argument, NULL, 's'}, {"delay", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int letter;

    while ((letter = getopt_long(argc, argv, "w:p:s:d:h", longs, NULL)) != -1) {
        switch (letter) {
        case 'w':
            n_workers = option_number("--workers", optarg, 1, MAX_WORKERS);
            break;
        case 'p':
            n_packets = option_number("--packets", optarg, 1, 65536);
            break;
        case 's':
            seconds = option_number("--seconds", optarg, 0, 86400);
            break;
        case 'd':
            delay_us = option_number("--delay", optarg, 0, 1000000);
            break;
        case 'h':
            usage(stdout);
            exit(EXIT_SUCCESS);
        default:
            usage(stderr);
            exit(EX_USAGE);
        }
    }
    if (argc - optind != 2) {
        usage(stderr);
        exit(EX_USAGE);
    }
    path_from = argv[optind];
    path_to = argv[optind + 1];
}

int
main(int argc, char **argv)
{
    options_read(argc, argv);
    pools_init();
    copy();
    pool_print("copier.packets");
    pool_print("copier.jobs");
    pool_print("copier.passes");
    pools_end();
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
