/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_drop.c: pools are dropped, made anew, unregistered, unmapped and used at random.
 *
 * Each pool lives in a home, whose door is a lock: who uses the pool has it shared, who makes the
 * pool anew or takes its memory away has it alone. os_mempool_module_init() asks no door. Threads
 * end that own pools and have caches, children are forked, and a client reads the exported
 * document. Each block bears its holder's number, and each home knows how many blocks are in use
 * for good: no block is in two hands, and whoever has a home alone finds all others free.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_headers.h"
#include "crew.h"
#include "osmempool.h"

enum { HOMES = 6, WORKERS = 4, BLOCKS = 64, SIZE = 64, HOLDER_AT = 16, HELD_MAX = 6, DEPTH = 8 };
enum { ALARM_SECONDS = 60, GUEST_OPS = 2000 };

struct tenant {
    struct os_mempool pool;
    os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, SIZE)];
};

struct home {
    pthread_rwlock_t door;
    struct tenant *tenant; /* NULL while there is none */
    unsigned n_kept;       /* blocks that nobody will put */
};

struct town {
    struct home homes[HOMES];
    char path[64]; /* of the exporter's socket */
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

/* How many blocks can be got; all are put back. */
static unsigned
count_free(struct os_mempool *mp)
{
    void *blocks[BLOCKS + 1];
    unsigned n = 0;

    while (n <= BLOCKS && (blocks[n] = os_memblock_get(mp)) != NULL) {
        n++;
    }
    for (unsigned i = n; i > 0; i--) {
        if (os_memblock_put(mp, blocks[i - 1]) != OS_OK) {
            return 0;
        }
    }
    return n;
}

static bool
home_is_whole(const struct home *home)
{
    struct os_mempool *mp = &home->tenant->pool;

    return count_free(mp) == BLOCKS - home->n_kept && os_mempool_is_sane(mp);
}

/* Alone at home: a pool that is registered, dropped or none is made anew. */
static void
home_renew(struct crew_worker *worker, struct home *home)
{
    struct tenant *tenant = home->tenant;

    if (tenant == NULL) {
        tenant =
            mmap(NULL, sizeof(*tenant), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (!crew_expect(worker, tenant != MAP_FAILED)) {
            return;
        }
        home->tenant = tenant;
    }
    memset(tenant->buffer, 0, sizeof(tenant->buffer));
    home->n_kept = 0;
    crew_expect(worker,
                os_mempool_init(&tenant->pool, BLOCKS, SIZE, tenant->buffer, "home") == OS_OK);
    if (crew_random(worker, 2) == 0) {
        os_mempool_cache_enable(&tenant->pool, DEPTH);
    }
}

/* One more block is in use for good; not so many that others find none. */
static void
home_keep(struct crew_worker *worker, struct home *home)
{
    if (home->n_kept < BLOCKS / 4) {
        crew_expect(worker, os_memblock_get(&home->tenant->pool) != NULL);
        home->n_kept++;
    }
}

/* The pool is on no list any more, so its memory may go. */
static void
home_empty(struct home *home)
{
    os_mempool_unregister(&home->tenant->pool);
    munmap(home->tenant, sizeof(*home->tenant));
    home->tenant = NULL;
}

/* The child goes on exporting, in a thread of its own. */
static void
home_fork(struct crew_worker *worker, const struct home *home)
{
    bool forks = crew_children_may_start_threads();
    pid_t child = forks ? fork() : -1;
    int status = 0;

    if (!forks) {
        return;
    }
    if (child == 0) {
        alarm(ALARM_SECONDS);
        _exit(home_is_whole(home) ? 0 : 1);
    }
    crew_expect(worker, child > 0 && waitpid(child, &status, 0) == child);
    crew_expect(worker, status == 0);
}

static void
be_alone(struct crew_worker *worker, struct home *home)
{
    if (pthread_rwlock_trywrlock(&home->door) != 0) {
        return;
    }
    if (home->tenant == NULL) {
        home_renew(worker, home);
    }
    crew_expect(worker, home_is_whole(home));
    switch (crew_random(worker, 6)) {
    case 0:
        home_renew(worker, home);
        break;
    case 1:
        home_keep(worker, home);
        break;
    case 2:
        home_empty(home);
        break;
    case 3:
        /* Retired: it works on, and is made anew one day. */
        if (os_mempool_unregister(&home->tenant->pool) != OS_OK) {
            home_renew(worker, home);
        }
        break;
    default:
        home_fork(worker, home);
        break;
    }
    pthread_rwlock_unlock(&home->door);
}

struct guest {
    struct crew_worker *worker;
    struct os_mempool *pool;
};

/*
 * A dropped pool's cache goes from a thread that ended to the next one that has its thread pointer.
 * glibc orders the two, and ThreadSanitizer does not see it: release pairs with acquire.
 */
static uint32_t guests_gone;

static void *
be_guest(void *arg)
{
    const struct guest *guest = arg;

    (void)__atomic_load_n(&guests_gone, __ATOMIC_ACQUIRE);
    use(guest->worker, guest->pool, GUEST_OPS);
    __atomic_fetch_add(&guests_gone, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* A thread that ends with whatever it has in the pool. */
static void
invite(struct crew_worker *worker, struct os_mempool *mp)
{
    struct guest guest = {worker, mp};
    pthread_t thread;

    if (crew_expect(worker, pthread_create(&thread, NULL, be_guest, &guest) == 0)) {
        pthread_join(thread, NULL);
    }
}

static void
visit(struct crew_worker *worker, struct home *home)
{
    if (pthread_rwlock_tryrdlock(&home->door) != 0) {
        return;
    }
    if (home->tenant != NULL && crew_random(worker, 20) == 0) {
        invite(worker, &home->tenant->pool);
    } else if (home->tenant != NULL) {
        use(worker, &home->tenant->pool, 1 + crew_random(worker, 1500));
    }
    pthread_rwlock_unlock(&home->door);
}

/* A whole document must come; what it says is the business of other tests. */
static void
read_document(struct crew_worker *worker)
{
    const struct town *town = worker->job;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char bytes[4096];
    char last = '\0';
    ssize_t n;

    strcpy(address.sun_path, town->path);
    if (crew_expect(worker, connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) &&
        crew_expect(worker, write(fd, "snapshot\n", 9) == 9)) {
        while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
            last = bytes[n - 1] == '\n' && n > 1 ? bytes[n - 2] : bytes[n - 1];
        }
        crew_expect(worker, last == '}');
    }
    close(fd);
}

static void
live(struct crew_worker *worker)
{
    struct town *town = worker->job;

    while (crew_goes_on(worker) && worker->wrong == NULL) {
        unsigned what = crew_random(worker, 100);
        struct home *home = &town->homes[crew_random(worker, HOMES)];

        if (what < 10) {
            be_alone(worker, home);
        } else if (what < 12) {
            os_mempool_module_init();
        } else if (what < 13 && worker->number == 1) {
            read_document(worker);
        } else {
            visit(worker, home);
        }
        worker->rounds++;
    }
}

static void
pools_are_dropped_while_they_are_used(void **state)
{
    struct town *town = calloc(1, sizeof(*town));
    char directory[] = "/tmp/osmempool-drop.XXXXXX";
    struct crew crew;

    assert_non_null(town);
    assert_non_null(mkdtemp(directory));
    snprintf(town->path, sizeof(town->path), "%s/socket", directory);
    assert_int_equal(osmempool_export_start(town->path), OS_OK);
    for (unsigned i = 0; i < HOMES; i++) {
        assert_int_equal(pthread_rwlock_init(&town->homes[i].door, NULL), 0);
    }
    crew_begin(&crew, WORKERS, live, town);
    crew_stop_after(&crew, crew_scale(300, 4000, 120000));
    crew_join(&crew);
    os_mempool_module_init();
    for (unsigned i = 0; i < HOMES; i++) {
        if (town->homes[i].tenant != NULL) {
            assert_true(home_is_whole(&town->homes[i]));
            home_empty(&town->homes[i]);
        }
        pthread_rwlock_destroy(&town->homes[i].door);
    }
    assert_int_equal(osmempool_export_stop(), OS_OK);
    rmdir(directory);
    free(town);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_are_dropped_while_they_are_used),
    };

    return cmocka_run_group_tests_name("drop", tests, NULL, NULL);
}
