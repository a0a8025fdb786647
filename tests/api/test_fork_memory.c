/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fork_memory.c: pools in memory that a forked child does not inherit, finds wiped, or shares.
 *
 * The fork itself must neither crash nor hang on either side, and leave the parent's pools as they
 * were; the child has all other pools.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/box.h"
#include "common/fixture.h"

enum { BLOCKS = 64, SIZE = 64, DEPTH = 16, FORKS = 20 };

enum fate { FATE_GONE, FATE_WIPED, FATE_SHARED, FATES };

/* What of a pool meets the fate. */
enum part { PART_STRUCT = 1, PART_BUFFER = 2, PARTS = 4 };

/* A pool whose struct and buffer lie on pages of their own. */
struct subject {
    struct os_mempool *pool;
    void *buffer;
    size_t bytes;
    void *block; /* in use all the time */
};

static void *
pages_make(size_t bytes, bool shared)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);

    assert_true(pages != MAP_FAILED);
    return pages;
}

static void
pages_doom(void *pages, size_t bytes, enum fate fate)
{
    const int advice[] = {[FATE_GONE] = MADV_DONTFORK, [FATE_WIPED] = MADV_WIPEONFORK};

    if (fate != FATE_SHARED) {
        assert_int_equal(madvise(pages, bytes, advice[fate]), 0);
    }
}

/* In each state of the fast path, one block in use. */
static struct subject
subject_make(enum fate fate, unsigned parts, unsigned state)
{
    struct subject subject = {.bytes = OS_MEMPOOL_BYTES(BLOCKS, SIZE)};

    subject.pool =
        pages_make(sizeof(*subject.pool), fate == FATE_SHARED && (parts & PART_STRUCT) != 0);
    subject.buffer = pages_make(subject.bytes, fate == FATE_SHARED && (parts & PART_BUFFER) != 0);
    assert_int_equal(os_mempool_init(subject.pool, BLOCKS, SIZE, subject.buffer, "subject"), OS_OK);
    if (state == 1) {
        assert_int_equal(os_mempool_cache_enable(subject.pool, DEPTH), OS_OK);
    }
    if (state != 0) {
        assert_int_equal(use_alone(subject.pool, BOX_WARM), 0);
    }
    subject.block = os_memblock_get(subject.pool);
    assert_non_null(subject.block);
    if ((parts & PART_STRUCT) != 0) {
        pages_doom(subject.pool, sizeof(*subject.pool), fate);
    }
    if ((parts & PART_BUFFER) != 0) {
        pages_doom(subject.buffer, subject.bytes, fate);
    }
    return subject;
}

static void
subject_end(struct subject *subject)
{
    assert_int_equal(stats_of(subject->pool).num_free, BLOCKS - 1);
    assert_int_equal(take_all(subject->pool), BLOCKS - 1);
    assert_int_equal(os_memblock_put(subject->pool, subject->block), OS_OK);
    assert_true(os_mempool_is_sane(subject->pool));
    assert_int_equal(os_mempool_unregister(subject->pool), OS_OK);
    munmap(subject->pool, sizeof(*subject->pool));
    munmap(subject->buffer, subject->bytes);
}

/* The other pool is there, and may be the only one. A wiped buffer leaves its pool registered. */
static bool
child_has_the_other(void *arg)
{
    struct fixture *other = arg;
    static struct os_mempool fresh;
    static os_membuf_t words[OS_MEMPOOL_SIZE(4, SIZE)];

    return os_mempool_get("fixture", NULL) == other->pool &&
           take_all(other->pool) == FIXTURE_BLOCKS && os_mempool_is_sane(other->pool) &&
           os_mempool_init(&fresh, 4, SIZE, words, "fresh") == OS_OK && take_all(&fresh) == 4 &&
           os_mempool_unregister(&fresh) == OS_OK;
}

static bool
child_has_one_pool(void *arg)
{
    return child_has_the_other(arg) && pools_registered() == 1;
}

static void
try_fate(struct fixture *other, enum fate fate, unsigned parts, unsigned state)
{
    struct subject subject = subject_make(fate, parts, state);
    bool stays = fate == FATE_WIPED && parts == PART_BUFFER;

    for (unsigned i = 0; i < 2; i++) {
        assert_true(true_in_child(stays ? child_has_the_other : child_has_one_pool, other));
    }
    subject_end(&subject);
}

static void
a_fork_does_not_trust_a_pools_memory(void **state)
{
    for (int fate = 0; fate < FATES; fate++) {
        for (unsigned parts = 1; parts < PARTS; parts++) {
            for (unsigned how = 0; how < 3; how++) {
                fprintf(stderr, "# fate %d, parts %u, state %u\n", fate, parts, how);
                try_fate(*state, (enum fate)fate, parts, how);
            }
        }
    }
}

struct user {
    struct os_mempool *pool;
    bool stop;
    unsigned long n_wrong;
};

/* Each block bears a byte of its holder while it is in use. */
static void *
use_until_told(void *arg)
{
    struct user *user = arg;
    unsigned char bytes[SIZE];

    memset(bytes, 0x5a, sizeof(bytes));
    while (!__atomic_load_n(&user->stop, __ATOMIC_RELAXED)) {
        unsigned char *block = os_memblock_get(user->pool);

        if (block == NULL) {
            continue;
        }
        memset(block, 0x5a, SIZE);
        user->n_wrong += memcmp(block, bytes, SIZE) != 0;
        memset(block, 0, SIZE);
        user->n_wrong += os_memblock_put(user->pool, block) != OS_OK;
    }
    return NULL;
}

static bool
child_goes(void *arg)
{
    return arg != NULL;
}

/* The child writes nothing of what it shares with the parent, whose threads go on meanwhile. */
static void
a_fork_leaves_shared_pools_alone(void **state)
{
    for (unsigned parts = 1; parts < PARTS; parts++) {
        struct subject subject = subject_make(FATE_SHARED, parts, 1);
        struct user users[2] = {{.pool = subject.pool}, {.pool = subject.pool}};
        pthread_t threads[2];

        for (unsigned i = 0; i < LENGTH(users); i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, use_until_told, &users[i]), 0);
        }
        for (unsigned i = 0; i < FORKS; i++) {
            assert_true(true_in_child(child_goes, *state));
        }
        for (unsigned i = 0; i < LENGTH(users); i++) {
            __atomic_store_n(&users[i].stop, true, __ATOMIC_RELAXED);
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(users[i].n_wrong, 0);
        }
        subject_end(&subject);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fork_does_not_trust_a_pools_memory, fixture_plain,
                                        fixture_end),
        cmocka_unit_test_setup_teardown(a_fork_leaves_shared_pools_alone, fixture_plain,
                                        fixture_end),
    };

    return cmocka_run_group_tests_name("fork_memory", tests, NULL, NULL);
}
