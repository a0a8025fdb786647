/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buffer.h"
#include "contestants.h"
#include "crew.h"
#include "machine.h"
#include "reader.h"
#include "ring.h"
#include "shuffle.h"
#include "succession.h"
#include "worker.h"

/* Pairs between two looks at the clock: the look costs less than 0.1 ns a pair. */
#define PAIRS_PER_LOOK 1024
/* Batches between two looks in a hand-over. */
#define BATCHES_PER_LOOK 16
#define WARM_UP_MS       2
/* Real pools seldom run empty; what happens then is measured in the tight cases. */
#define SPARE_BLOCKS 32
/* A round of more threads than CPUs lasts at least as long as some time slices. */
#define CROWD_MS_MIN 20
/* A contestant that has not come back so long after its time hangs, and is killed. */
#define HANG_S 60

const double worker_percentiles[WORKER_PERCENTILES] = {0.5, 0.99, 0.999, 0.9999, 1};
const char *const worker_percentile_names[WORKER_PERCENTILES] = {"p50", "p99", "p99.9", "p99.99",
                                                                 "worst"};

/* One thread's place: its lane, and what it did in this round. */
struct place {
    struct lane lane;
    struct worker *worker;
    uint64_t n_pairs;
    struct histogram gets;
    struct histogram puts;
};

struct worker {
    const struct bench_case *what;
    const struct engine *engine;
    void **pools;
    uint32_t n_pools;
    uint32_t *order;
    struct place *places;
    struct ring ring;
    struct crew *crew;
    struct reader *reader;
    void *buffer;
};

/* What a kind of case does: makes ready, works a round and fills in values, and cleans up. */
struct work {
    void (*open)(struct worker *worker);
    uint32_t (*round)(struct worker *worker, uint64_t work_ns, double *values);
    void (*close)(struct worker *worker);
};

static void
job_pairs(void *member, uint64_t deadline_ns)
{
    struct place *place = member;
    const struct engine *engine = place->worker->engine;
    uint32_t live = place->lane.live;
    uint32_t n_batches = live < PAIRS_PER_LOOK ? PAIRS_PER_LOOK / live : 1;

    place->n_pairs = 0;
    do {
        engine->batches(&place->lane, n_batches);
        place->n_pairs += (uint64_t)n_batches * live;
    } while (clock_now_ns() < deadline_ns);
}

static void
job_timed(void *member, uint64_t deadline_ns)
{
    struct place *place = member;

    do {
        place->worker->engine->timed(&place->lane, 1);
    } while (clock_now_ns() < deadline_ns);
}

static void
job_take(void *member, uint64_t deadline_ns)
{
    struct place *place = member;
    struct ring *ring = &place->worker->ring;

    place->n_pairs = 0;
    do {
        for (uint32_t i = 0; i < BATCHES_PER_LOOK; i++) {
            place->worker->engine->take(&place->lane, ring_reserve(ring), RING_BATCH);
            ring_publish(ring);
        }
        place->n_pairs += BATCHES_PER_LOOK * RING_BATCH;
    } while (clock_now_ns() < deadline_ns);
    ring_end(ring);
}

static void
job_give(void *member, uint64_t deadline_ns)
{
    struct place *place = member;
    struct ring *ring = &place->worker->ring;
    void **blocks;

    while ((blocks = ring_peek(ring)) != NULL) {
        place->worker->engine->give(&place->lane, blocks, RING_BATCH);
        ring_release(ring);
    }
}

static void
place_open(struct worker *worker, uint32_t index)
{
    struct place *place = &worker->places[index];

    place->worker = worker;
    place->lane = (struct lane){
        .pool = worker->pools[index % worker->n_pools],
        .block_bytes = worker->what->block_bytes,
        .live = worker->what->live,
        .window = buffer_new(worker->what->live * sizeof(void *)),
        .order = worker->order,
        .gets = &place->gets,
        .puts = &place->puts,
    };
}

static void *
idler_main(void *arg)
{
    while (pause() != 0) {
    }
    return NULL;
}

/* Ends with the process: it must be there as long as anything is measured. */
static void
idler_start(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, idler_main, NULL) != 0) {
        die("cannot start a second thread");
    }
}

/* Pools of exactly n_blocks blocks, and a crew whose members do these jobs. */
static void
lanes_open(struct worker *worker, uint32_t n_blocks, crew_job_fn *first, crew_job_fn *others)
{
    const struct bench_case *what = worker->what;
    void **members = die_calloc(what->threads, sizeof(*members));
    crew_job_fn **jobs = die_calloc(what->threads, sizeof(*jobs));

    if (what->idler) {
        idler_start();
    }
    worker->n_pools = what->shared ? 1 : what->threads;
    worker->pools = die_calloc(worker->n_pools, sizeof(*worker->pools));
    worker->places = die_calloc(what->threads, sizeof(*worker->places));
    worker->order = shuffle_new(what->live, what->shuffled);
    for (uint32_t i = 0; i < worker->n_pools; i++) {
        worker->pools[i] = worker->engine->open(what->block_bytes, n_blocks, what->depth);
    }
    for (uint32_t i = 0; i < what->threads; i++) {
        place_open(worker, i);
        members[i] = &worker->places[i];
        jobs[i] = i == 0 ? first : others;
    }
    worker->crew = crew_new(what->threads, what->cpus, members, jobs);
    free(members);
    free(jobs);
}

static void
lanes_close(struct worker *worker)
{
    worker->crew = crew_free(worker->crew);
    for (uint32_t i = 0; i < worker->n_pools; i++) {
        worker->engine->close(worker->pools[i]);
    }
    for (uint32_t i = 0; i < worker->what->threads; i++) {
        free(worker->places[i].lane.window);
    }
    free(worker->places);
    free(worker->pools);
    free(worker->order);
}

/*
 * Size of a pool: as many blocks as all of its users' windows hold, and some to spare; where there
 * are thread caches, as many more as these hold. The same for everybody.
 */
static uint32_t
blocks_for(const struct bench_case *what, uint32_t n_windows)
{
    return what->live * n_windows + (what->tight ? 0 : SPARE_BLOCKS + what->depth * what->threads);
}

static uint32_t
windows_of_a_pool(const struct bench_case *what)
{
    return what->shared ? what->threads : 1;
}

static void
pairs_open(struct worker *worker)
{
    lanes_open(worker, blocks_for(worker->what, windows_of_a_pool(worker->what)), job_pairs,
               job_pairs);
}

static uint32_t
pairs_round(struct worker *worker, uint64_t work_ns, double *values)
{
    struct crew_round round = crew_work(worker->crew, work_ns);
    uint64_t n_pairs = 0;

    for (uint32_t i = 0; i < worker->what->threads; i++) {
        n_pairs += worker->places[i].n_pairs;
    }
    values[0] = (double)round.wall_ns / (double)n_pairs;
    values[1] = round.waited;
    return 2;
}

/* A batch is taken into the ring and given out of it, so the ring has room for all blocks. */
static void
handover_open(struct worker *worker)
{
    worker->ring.capacity = worker->what->live;
    worker->ring.blocks = buffer_new(worker->what->live * sizeof(void *));
    lanes_open(worker, blocks_for(worker->what, 1), job_take, job_give);
}

static uint32_t
handover_round(struct worker *worker, uint64_t work_ns, double *values)
{
    ring_restart(&worker->ring);
    return pairs_round(worker, work_ns, values);
}

static void
handover_close(struct worker *worker)
{
    lanes_close(worker);
    free(worker->ring.blocks);
}

static void
latency_open(struct worker *worker)
{
    lanes_open(worker, blocks_for(worker->what, windows_of_a_pool(worker->what)), job_timed,
               job_timed);
}

static void
percentiles_of(const struct histogram *hist, double *values)
{
    for (uint32_t i = 0; i < WORKER_PERCENTILES; i++) {
        values[i] = (double)histogram_percentile(hist, worker_percentiles[i]);
    }
}

/* Percentiles of everything since the case began: rare events need all the samples. */
static uint32_t
latency_round(struct worker *worker, uint64_t work_ns, double *values)
{
    static struct histogram gets;
    static struct histogram puts;

    crew_work(worker->crew, work_ns);
    memset(&gets, 0, sizeof(gets));
    memset(&puts, 0, sizeof(puts));
    for (uint32_t i = 0; i < worker->what->threads; i++) {
        histogram_merge(&gets, &worker->places[i].gets);
        histogram_merge(&puts, &worker->places[i].puts);
    }
    percentiles_of(&gets, values);
    percentiles_of(&puts, values + WORKER_PERCENTILES);
    return 2 * WORKER_PERCENTILES;
}

static void
init_open(struct worker *worker)
{
    worker->buffer = buffer_new((size_t)worker->what->live * worker->what->block_bytes);
}

static uint32_t
init_round(struct worker *worker, uint64_t work_ns, double *values)
{
    const struct bench_case *what = worker->what;
    uint64_t ns = worker->engine->format_ns(worker->buffer, what->block_bytes, what->live);

    values[0] = (double)ns / what->live;
    return 1;
}

static void
init_close(struct worker *worker)
{
    free(worker->buffer);
}

static void
nothing_to_do(struct worker *worker)
{
}

static uint32_t
enrol_round(struct worker *worker, uint64_t work_ns, double *values)
{
    uint64_t register_ns;
    uint64_t unregister_ns;

    worker->engine->enrol_ns(worker->what->live, &register_ns, &unregister_ns);
    values[0] = (double)(worker->what->kind == CASE_REGISTER ? register_ns : unregister_ns) /
                worker->what->live;
    return 1;
}

static void
snapshot_open(struct worker *worker)
{
    worker->reader = reader_new(worker->what->live);
}

static uint32_t
snapshot_round(struct worker *worker, uint64_t work_ns, double *values)
{
    uint64_t begin_ns = clock_now_ns();

    reader_request(worker->reader);
    reader_wait(worker->reader);
    values[0] = (double)(clock_now_ns() - begin_ns) / CLOCK_NS_PER_MS;
    return 1;
}

static void
snapshot_close(struct worker *worker)
{
    worker->reader = reader_free(worker->reader);
}

static void
reader_open(struct worker *worker)
{
    worker->reader = reader_new(worker->what->pools);
    pairs_open(worker);
}

/* As long as snapshots are apart, with one and without one. */
static uint32_t
reader_round(struct worker *worker, uint64_t work_ns, double *values)
{
    uint64_t apart_ns = 1000 * CLOCK_NS_PER_MS / worker->what->hz;
    double without[WORKER_VALUES_MAX];

    reader_request(worker->reader);
    pairs_round(worker, apart_ns, values);
    reader_wait(worker->reader);
    pairs_round(worker, apart_ns, without);
    values[0] /= without[0];
    values[1] = values[1] > without[1] ? values[1] : without[1];
    return 2;
}

static void
reader_close(struct worker *worker)
{
    lanes_close(worker);
    snapshot_close(worker);
}

static uint32_t
succession_round(struct worker *worker, uint64_t work_ns, double *values)
{
    values[0] = succession_operations(worker->engine, worker->what);
    return 1;
}

static const struct work works[] = {
    [CASE_PAIRS] = {pairs_open, pairs_round, lanes_close},
    [CASE_HANDOVER] = {handover_open, handover_round, handover_close},
    [CASE_LATENCY] = {latency_open, latency_round, lanes_close},
    [CASE_INIT] = {init_open, init_round, init_close},
    [CASE_REGISTER] = {nothing_to_do, enrol_round, nothing_to_do},
    [CASE_UNREGISTER] = {nothing_to_do, enrol_round, nothing_to_do},
    [CASE_SNAPSHOT] = {snapshot_open, snapshot_round, snapshot_close},
    [CASE_READER] = {reader_open, reader_round, reader_close},
    [CASE_SUCCESSION] = {nothing_to_do, succession_round, nothing_to_do},
};

/* A round that does not count, so that caches are full and allocators have settled. */
static void
warm_up(struct worker *worker, const struct work *work)
{
    double values[WORKER_VALUES_MAX];

    work->round(worker, WARM_UP_MS * CLOCK_NS_PER_MS, values);
    for (uint32_t i = 0; worker->places != NULL && i < worker->what->threads; i++) {
        memset(&worker->places[i].gets, 0, sizeof(worker->places[i].gets));
        memset(&worker->places[i].puts, 0, sizeof(worker->places[i].puts));
    }
}

static void
answer_ready(void)
{
    printf("ready %s\n", contestants_malloc_provider());
    fflush(stdout);
}

/* Serves until the input ends. False for a line that is no number. */
static bool
serve(struct worker *worker, const struct work *work)
{
    double values[WORKER_VALUES_MAX];
    char line[32];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        uint64_t ms = strtoul(line, NULL, 10);
        uint32_t n;

        if (ms == 0) {
            return false;
        }
        if (worker->what->threads > (uint32_t)machine_cpus() && ms < CROWD_MS_MIN) {
            ms = CROWD_MS_MIN;
        }
        alarm(HANG_S + (unsigned int)(ms / 1000));
        n = work->round(worker, ms * CLOCK_NS_PER_MS, values);
        alarm(0);
        printf("ok");
        for (uint32_t i = 0; i < n; i++) {
            printf(" %.4f", values[i]);
        }
        printf("\n");
        fflush(stdout);
    }
    return true;
}

int
worker_run(const char *contestant_name, const char *case_name)
{
    const struct contestant *who = contestants_find(contestant_name);
    struct worker worker = {.what = cases_find(case_name)};
    const struct work *work;
    bool served;

    if (who != NULL && strcmp(case_name, WORKER_PROBE) == 0) {
        answer_ready();
        return who->here == NULL || who->here() ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (who == NULL || worker.what == NULL || !contestants_can(who, worker.what)) {
        die("no such pair of contestant and case: %s, %s", contestant_name, case_name);
    }
    worker.engine = who->engine;
    work = &works[worker.what->kind];
    alarm(HANG_S);
    work->open(&worker);
    warm_up(&worker, work);
    alarm(0);
    answer_ready();
    served = serve(&worker, work);
    work->close(&worker);
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
