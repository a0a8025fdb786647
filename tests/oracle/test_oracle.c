/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_oracle.c: random calls on some pools, compared one by one with a model that knows all.
 *
 * Threads take turns: one makes a run of calls while the others wait, then another goes on with
 * the same pools. So what must come of each call is known, and ownership and caches pass from
 * thread to thread all the same. Threads end and others begin; now and then a child is forked,
 * which goes on by itself for a while.
 *
 * OSMEMPOOL_TEST_SEED repeats a run whose seed was printed; OSMEMPOOL_TEST_CALLS is their number,
 * 10^7 if nothing is said, 10^9 with OSMEMPOOL_TEST_LONG=1. OSMEMPOOL_TEST_FAIL=N tells of a debug
 * word fail=N, OSMEMPOOL_TEST_CACHE=DEPTH of OSMEMPOOL_CACHE=DEPTH.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/box.h"
#include "model.h"

enum { POOLS = 8, WORKERS = 4, RUN_BITS_MAX = 15, CHILD_CALLS = 2000, CHILD_DEADLINE_S = 250 };

/* With so many calls every state of a pool is met. */
enum { MANY_CALLS = 5000000, FEW_CALLS = 30000 };

struct worker {
    pthread_t thread;
    sem_t may_start;
    sem_t is_done;
    uint64_t calls; /* to make in this turn; 0: end */
};

static struct {
    struct model models[POOLS];
    struct worker workers[WORKERS];
    uint64_t random;
    uint64_t calls_left;
    uint32_t fail_every;
    uint32_t unasked; /* depth of caches that no call asks for */
    /* How often a look at a pool found it in such a state. */
    unsigned looks, owned, cached, cached_unasked, all_out;
} oracle;

static uint32_t
below(uint32_t n)
{
    return n > 0 ? (uint32_t)((random_next(&oracle.random) >> 32) * n >> 32) : 0;
}

static bool
one_in(uint32_t n)
{
    return below(n) == 0;
}

static void
random_pool(struct model *model)
{
    static const uint32_t counts[] = {0, 1, 2, 3, 8, 16, 33, 61, 64, 65, 200, MODEL_BLOCKS_MAX};
    static const uint32_t sizes[] = {1, 7, 8, 9, 16, 24, 37, 40, 64, 100, 256, 300, 512, 2048};
    const struct model_kind kind = {
        .n_blocks = counts[below(LENGTH(counts))],
        .size = sizes[below(LENGTH(sizes))],
        .extended = one_in(3),
    };

    model->fail_every = oracle.fail_every;
    model->unasked = oracle.unasked;
    model_begin(model, &kind);
    if (one_in(3)) {
        model_cache(model, 1 + below(40));
    }
}

static uint32_t
bulk_at_most(uint32_t most)
{
    uint32_t n = one_in(50) ? 0 : 1 + below(MODEL_BULK_MAX - 1);

    return n < most ? n : most;
}

/* An address that is none of a block that is out. */
static void *
random_stray(struct model *model)
{
    static uint64_t elsewhere[8];
    const struct model *other = &oracle.models[below(POOLS)];
    unsigned char *block = model_block(model, below(model->n_blocks));

    switch (below(7)) {
    case 0:
        return NULL;
    case 1:
        return &elsewhere[below(8)];
    case 2:
        return block + 1 + below((uint32_t)model->stride - 1);
    case 3:
        return model_block(model, model->n_blocks + below(3));
    case 4:
        return model->base - model->step;
    case 5:
        return other != model && other->n_blocks > 0 ? model_block(other, 0) : NULL;
    default:
        return model_free_block(model, below(model->n_free));
    }
}

static void
call_wrongly(struct model *model)
{
    enum model_way way = (enum model_way)below(MODEL_WAYS);
    uint32_t out = model_out(model);
    uint32_t n = way == MODEL_PUT_BULK ? bulk_at_most(out < 20 ? out : 20) : 0;

    model_put_wrong(model, way, random_stray(model), n);
}

/* A block twice in one array; found where there is room for a key and no callback. */
static void
call_with_twins(struct model *model)
{
    uint32_t n = bulk_at_most(model_out(model));

    if (n > 1 && n < MODEL_BULK_MAX && model->size > OS_ALIGNMENT && !model->extended) {
        model_put_wrong(model, MODEL_PUT_BULK, model_block(model, model->blocks[model->n_free]), n);
    }
}

static void
call_put(struct model *model)
{
    uint32_t out = model_out(model);

    if (out == 0) {
        model_get(model);
        return;
    }
    model->mode = one_in(4) ? (enum model_mode)below(MODEL_RELEASES_TWICE + 1) : MODEL_RELEASES;
    if (one_in(8)) {
        model_put_from_cb(model, below(out));
    } else {
        model_put(model, below(out));
    }
    model->mode = MODEL_RELEASES;
}

static void
call_put_bulk(struct model *model)
{
    uint32_t out = model_out(model);

    model->mode = one_in(4) ? (enum model_mode)below(MODEL_RELEASES_TWICE + 1) : MODEL_RELEASES;
    model_put_bulk(model, below(out), bulk_at_most(out));
    model->mode = MODEL_RELEASES;
}

/* In a child: the same pools, one thread. */
static void make_calls(uint64_t calls);

static void
call_in_child(void)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0) {
        alarm(CHILD_DEADLINE_S);
        for (unsigned i = 0; i < POOLS; i++) {
            model_compare(&oracle.models[i]);
            model_inspect(&oracle.models[i]);
        }
        make_calls(CHILD_CALLS);
        _exit(model_found_wrong == NULL ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        model_wrong(&oracle.models[0], "a child found something wrong");
    }
}

static void
look(struct model *model)
{
    struct os_mempool_stats stats = {.num_cached = 0};

    oracle.looks++;
    os_mempool_stats_get(model->pool, &stats, sizeof(stats));
    oracle.owned += model->pool->osmp_owner != NULL;
    oracle.cached += stats.num_cached > 0;
    oracle.cached_unasked += stats.num_cached > 0 && model->list_min > 0;
    oracle.all_out += model->n_free == 0 && model->n_blocks > 0;
    model_compare(model);
}

/* What is rare, as it looks at all blocks or changes a pool's ways. */
static void
call_rarely(struct model *model)
{
    switch (below(10)) {
    case 0:
        model_clear(model);
        break;
    case 1:
        model_cache(model, 1 + below(64));
        break;
    case 2:
        model_cache(model, 0);
        break;
    case 3:
        model_end(model);
        random_pool(model);
        break;
    case 4:
    case 5:
        model_reset_min(model);
        break;
    case 6:
        model_inspect(model);
        break;
    default:
        look(model);
    }
}

/* A pool is filled or emptied for a while, or stays as it is. */
static void
call_once(struct model *model, uint32_t gets_of_16)
{
    uint32_t what = below(256);

    if (what < 200) {
        if (below(16) < gets_of_16) {
            model_get(model);
        } else {
            call_put(model);
        }
    } else if (what < 210) {
        model_get_bulk(model, bulk_at_most(MODEL_BULK_MAX));
    } else if (what < 220) {
        call_put_bulk(model);
    } else if (what < 230) {
        call_wrongly(model);
    } else if (what < 233) {
        call_with_twins(model);
    } else if (what < 250) {
        model_from(model, below(model->n_blocks + 2), one_in(2) ? 0 : below(100));
    } else if (one_in(16)) {
        call_rarely(model);
    }
}

/* Mostly on one pool at a time, so that it may become the thread's own. */
static void
make_calls(uint64_t calls)
{
    while (calls > 0 && model_found_wrong == NULL) {
        struct model *model = &oracle.models[below(POOLS)];
        uint32_t gets_of_16 = 6 + below(5);
        uint64_t n = 1 + below(one_in(4) ? 5000 : 20);

        for (n = n < calls ? n : calls; n > 0 && model_found_wrong == NULL; n--) {
            call_once(model, gets_of_16);
            model_check_list(model);
            calls--;
        }
    }
}

static void *
work(void *arg)
{
    struct worker *worker = arg;

    for (;;) {
        sem_wait(&worker->may_start);
        if (worker->calls == 0) {
            return NULL;
        }
        make_calls(worker->calls);
        if (one_in(500)) {
            call_in_child();
        }
        sem_post(&worker->is_done);
    }
}

static void
worker_begin(struct worker *worker)
{
    assert_int_equal(sem_init(&worker->may_start, 0, 0), 0);
    assert_int_equal(sem_init(&worker->is_done, 0, 0), 0);
    assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
}

static void
worker_end(struct worker *worker)
{
    worker->calls = 0;
    sem_post(&worker->may_start);
    assert_int_equal(pthread_join(worker->thread, NULL), 0);
    sem_destroy(&worker->may_start);
    sem_destroy(&worker->is_done);
}

/* A turn of one worker, which may be its last. */
static void
take_turn(struct worker *worker)
{
    uint64_t calls = 1 + below(1u << below(RUN_BITS_MAX + 1));

    worker->calls = calls < oracle.calls_left ? calls : oracle.calls_left;
    oracle.calls_left -= worker->calls;
    sem_post(&worker->may_start);
    sem_wait(&worker->is_done);
    if (one_in(100)) {
        worker_end(worker);
        worker_begin(worker);
    }
}

static uint64_t
number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t
new_seed(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) | 1;
}

/* Else a run that finds nothing says little. A pool under a debug word is never owned or cached. */
static void
assert_states_were_seen(void)
{
    bool is_stock = getenv("OSMEMPOOL_DEBUG") == NULL;

    fprintf(stderr,
            "# of %u looks at a pool, %u found it owned, %u with blocks in caches (%u unasked), "
            "%u empty\n",
            oracle.looks, oracle.owned, oracle.cached, oracle.cached_unasked, oracle.all_out);
    assert_true(oracle.looks > 100 && oracle.all_out > 0);
    assert_int_equal(oracle.owned > 0, is_stock && ownership_is_had());
    assert_int_equal(oracle.cached > 0, is_stock && caches_are_had());
    assert_int_equal(oracle.cached_unasked > 0, oracle.cached > 0 && oracle.unasked > 0);
}

/* How many calls to make; Helgrind can bear few. */
static uint64_t
number_of_calls(void)
{
    uint64_t calls = number_from("OSMEMPOOL_TEST_CALLS",
                                 getenv("OSMEMPOOL_TEST_LONG") != NULL ? 1000000000 : 10000000);

    return getenv("OSMEMPOOL_TEST_SHORT") != NULL && calls > FEW_CALLS ? FEW_CALLS : calls;
}

static void
every_call_does_what_a_model_says(void **state)
{
    uint64_t calls = number_of_calls();

    oracle.random = random_seed(number_from("OSMEMPOOL_TEST_SEED", new_seed()));
    oracle.calls_left = calls;
    oracle.fail_every = (uint32_t)number_from("OSMEMPOOL_TEST_FAIL", 0);
    oracle.unasked = (uint32_t)number_from("OSMEMPOOL_TEST_CACHE", 0);
    fprintf(stderr, "# %llu calls\n", (unsigned long long)oracle.calls_left);
    for (unsigned i = 0; i < POOLS; i++) {
        snprintf(oracle.models[i].name, sizeof(oracle.models[i].name), "pool %u", i);
        random_pool(&oracle.models[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_begin(&oracle.workers[i]);
    }
    while (oracle.calls_left > 0 && model_found_wrong == NULL) {
        take_turn(&oracle.workers[below(WORKERS)]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_end(&oracle.workers[i]);
    }
    for (unsigned i = 0; i < POOLS; i++) {
        model_compare(&oracle.models[i]);
        model_inspect(&oracle.models[i]);
        /* No block is lost for good, which would be the program's exit status under ASan. */
        model_clear(&oracle.models[i]);
        model_end(&oracle.models[i]);
    }
    assert_null(model_found_wrong);
    if (calls >= MANY_CALLS) {
        assert_states_were_seen();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_call_does_what_a_model_says)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
