/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_turns.c: ownership of pools goes from thread to thread at random. Each thread takes a seat
 * at one of a few pools, which it then has to itself for some hundred operations, so that it
 * becomes the owner; others come in between for an operation or two, take the ownership away in the
 * middle, take caches on and off, look, fork, and end while they own pools. Each block bears its
 * holder's number: no block is ever in two hands, and in the end all are there.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "osmempool.h"

enum { SEATS = 3, WORKERS = 5, BLOCKS = 24, SIZE = 64, HOLDER_AT = 16, HELD_MAX = 6 };
enum { SITTING = 2500, ALARM_SECONDS = 250, DEPTH = 8 };

struct seat {
    struct os_mempool pool;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, SIZE)];
    pthread_mutex_t taken;
    uint64_t sittings; /* under the mutex */
    uint64_t owned;    /* of these, ended as the owner */
};

struct table {
    struct seat seats[SEATS];
    bool with_caches; /* which end an ownership, too */
};

/* Relaxed: the pool orders all else. */
static bool
change_hands(void *block, uint32_t from, uint32_t to)
{
    uint32_t *holder = (uint32_t *)(void *)((char *)block + HOLDER_AT);

    return __atomic_compare_exchange_n(holder, &from, to, false, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
}

static void
use(struct crew_worker *worker, struct os_mempool *mp, unsigned n_ops)
{
    void *held[HELD_MAX];
    unsigned n = 0;

    while (worker->wrong == NULL && (n_ops > 0 || n > 0)) {
        bool get = n_ops > 0 && n < HELD_MAX && (n == 0 || crew_random(worker, 2) == 0);
        void *block = get ? os_memblock_get(mp) : NULL;

        if (block != NULL) {
            crew_expect(worker, change_hands(block, 0, worker->number));
            held[n++] = block;
        } else if (n > 0) {
            crew_expect(worker, change_hands(held[--n], worker->number, 0));
            crew_expect(worker, os_memblock_put(mp, held[n]) == OS_OK);
        }
        n_ops -= n_ops > 0;
    }
}

static void
sit_down(struct crew_worker *worker, struct seat *seat)
{
    if (pthread_mutex_trylock(&seat->taken) != 0) {
        use(worker, &seat->pool, 1 + crew_random(worker, 2));
        return;
    }
    use(worker, &seat->pool, SITTING / 2 + crew_random(worker, SITTING));
    seat->sittings++;
    /* Relaxed: whose it is makes no difference, as this thread has just used it for so long. */
    seat->owned += __atomic_load_n(&seat->pool.osmp_owner, __ATOMIC_RELAXED) != NULL;
    pthread_mutex_unlock(&seat->taken);
}

static bool
child_is_well(struct table *table)
{
    bool well = true;

    alarm(ALARM_SECONDS);
    for (unsigned i = 0; i < SEATS; i++) {
        struct os_mempool *mp = &table->seats[i].pool;
        struct os_mempool_stats st;
        void *block;

        well &= os_mempool_stats_get(mp, &st, sizeof(st)) == OS_OK && os_mempool_is_sane(mp);
        while ((block = os_memblock_get(mp)) != NULL) {
            well &= change_hands(block, 0, WORKERS + 1);
            st.num_free--;
        }
        well &= st.num_free == 0;
    }
    return well;
}

static bool
fork_once(struct table *table)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(child_is_well(table) ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void
tend(struct crew_worker *worker, struct table *table, struct os_mempool *mp)
{
    switch (crew_random(worker, 4)) {
    case 0:
        crew_expect(worker, os_mempool_is_sane(mp));
        break;
    case 1:
        crew_expect(worker, os_mempool_min_reset(mp) == OS_OK);
        break;
    case 2:
        crew_expect(worker, fork_once(table));
        break;
    default:
        if (table->with_caches) {
            crew_expect(worker, os_mempool_cache_enable(mp, DEPTH) == OS_OK);
            usleep(crew_random(worker, 500));
            crew_expect(worker, os_mempool_cache_disable(mp) == OS_OK);
        }
    }
}

static void *
end_as_an_owner(void *arg)
{
    struct crew_worker *worker = arg;
    struct table *table = worker->job;

    for (unsigned i = 0; i < SEATS; i++) {
        sit_down(worker, &table->seats[i]);
    }
    return NULL;
}

static void
live_shortly(struct crew_worker *worker)
{
    pthread_t thread;

    if (crew_expect(worker, pthread_create(&thread, NULL, end_as_an_owner, worker) == 0)) {
        pthread_join(thread, NULL);
    }
}

/* The first tends the pools, the second's threads come and go, the others sit down. */
static void
take_part(struct crew_worker *worker)
{
    struct table *table = worker->job;

    while (crew_goes_on(worker)) {
        struct seat *seat = &table->seats[crew_random(worker, SEATS)];

        if (worker->number == 1) {
            usleep(crew_random(worker, 3000));
            tend(worker, table, &seat->pool);
        } else if (worker->number == 2) {
            live_shortly(worker);
        } else {
            sit_down(worker, seat);
        }
        worker->rounds++;
    }
}

static struct table *
table_make(bool with_caches)
{
    struct table *table = calloc(1, sizeof(*table));

    assert_non_null(table);
    table->with_caches = with_caches;
    for (unsigned i = 0; i < SEATS; i++) {
        struct seat *seat = &table->seats[i];

        assert_int_equal(pthread_mutex_init(&seat->taken, NULL), 0);
        assert_int_equal(os_mempool_init(&seat->pool, BLOCKS, SIZE, seat->buffer, "seat"), OS_OK);
    }
    return table;
}

static void
table_free(struct table *table)
{
    uint64_t sittings = 0;
    uint64_t owned = 0;

    for (unsigned i = 0; i < SEATS; i++) {
        struct seat *seat = &table->seats[i];

        sittings += seat->sittings;
        owned += seat->owned;
        assert_true(os_mempool_is_sane(&seat->pool));
        assert_int_equal(seat->pool.mp_num_free, BLOCKS);
        assert_int_equal(os_mempool_unregister(&seat->pool), OS_OK);
        pthread_mutex_destroy(&seat->taken);
    }
    print_message("# %llu turns, %llu of them ended as the owner\n", (unsigned long long)sittings,
                  (unsigned long long)owned);
    free(table);
}

static void
run(bool with_caches)
{
    struct table *table = table_make(with_caches);
    struct crew crew;

    crew_begin(&crew, WORKERS, take_part, table);
    crew_stop_after(&crew, crew_scale(300, 3000, 60000));
    crew_join(&crew);
    table_free(table);
}

static void
owners_by_turns_have_no_block_in_two_hands(void **state)
{
    run(false);
}

static void
nor_when_caches_come_and_go(void **state)
{
    run(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_by_turns_have_no_block_in_two_hands),
        cmocka_unit_test(nor_when_caches_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
