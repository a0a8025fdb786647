/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flags_user.c: a program with get and put inline that is compiled with flags which change what a
 * header means: flags.sh says which. Its other file, compiled with FLAGS_PLAIN and no such flag,
 * tells what the library's own view is. Exits with 1 at the first thing that is not as it should
 * be.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words that a program may have macros of, as they belong to nobody. */
#ifndef FLAGS_PLAIN
#define OSMEMPOOL_INLINE
#define SI                     ? ? ?
#define always_inline          ? ? ?
#define cold                   ? ? ?
#define gnu_inline             ? ? ?
#define may_alias              ? ? ?
#define mode                   ? ? ?
#define no_instrument_function ? ? ?
#define no_sanitize            ? ? ?
#define noinline               ? ? ?
#define noplt                  ? ? ?
#define nothrow                ? ? ?
#define packed                 ? ? ?
#define unused                 ? ? ?
#define visibility             ? ? ?
#endif

#include <osmempool.h>

enum { FLAGS_VIEW_MAX = 32, FLAGS_BLOCKS = 16, FLAGS_SIZE = 24, FLAGS_PAIRS = 2000 };

#ifdef __cplusplus
extern "C" {
#endif
size_t flags_view(size_t *numbers);
size_t flags_plain_view(size_t *numbers);
void __cyg_profile_func_enter(void *function, void *site);
void __cyg_profile_func_exit(void *function, void *site);
#ifdef __cplusplus
}
#endif

#ifdef FLAGS_PLAIN
#define flags_view flags_plain_view
#endif

/* Sizes and offsets of what program and library have in common. */
size_t
flags_view(size_t *numbers)
{
    const size_t view[] = {
        sizeof(os_error_t),
        sizeof(struct os_mempool),
        sizeof(struct os_mempool_ext),
        sizeof(struct os_mempool_info),
        sizeof(struct os_mempool_stats),
        sizeof(struct osmempool_fault),
        sizeof(struct osmempool_trace),
        offsetof(struct os_mempool, osmp_owner),
        offsetof(struct os_mempool, mp_min_free),
        offsetof(struct os_mempool, mp_membuf_addr),
        offsetof(struct os_mempool, mp_block_size),
        offsetof(struct os_mempool, name),
        offsetof(struct os_mempool, osmp_tail),
        offsetof(struct os_mempool_ext, mpe_put_arg),
        offsetof(struct os_mempool_stats, faults),
        offsetof(struct osmempool_fault, pool),
        offsetof(struct osmempool_fault, last_put),
        offsetof(struct osmempool_trace, thread),
    };

    memcpy(numbers, view, sizeof(view));
    return sizeof(view) / sizeof(view[0]);
}

#ifndef FLAGS_PLAIN

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define UNTRACED __attribute__((__no_instrument_function__))

/* What the program's hooks saw of functions; they use a pool themselves. */
static unsigned long n_hooks;
static int is_hooked;
static struct os_mempool hook_pool;

UNTRACED static void
flags_hook(void)
{
    n_hooks++;
    if (!is_hooked) {
        is_hooked = 1;
        os_memblock_put(&hook_pool, os_memblock_get(&hook_pool));
        is_hooked = 0;
    }
}

UNTRACED void
__cyg_profile_func_enter(void *function, void *site)
{
    (void)function;
    (void)site;
    flags_hook();
}

UNTRACED void
__cyg_profile_func_exit(void *function, void *site)
{
    (void)function;
    (void)site;
    flags_hook();
}

static os_membuf_t flags_buffer[OS_MEMPOOL_SIZE(FLAGS_BLOCKS, FLAGS_SIZE)];
static os_membuf_t ext_buffer[OS_MEMPOOL_SIZE(FLAGS_BLOCKS, FLAGS_SIZE)];
static os_membuf_t hook_buffer[OS_MEMPOOL_SIZE(FLAGS_BLOCKS, FLAGS_SIZE)];
static struct os_mempool flags_pool;
static struct os_mempool_ext ext_pool;
static struct osmempool_fault seen;

static os_error_t
keep(struct os_mempool_ext *ome, void *data, void *arg)
{
    EXPECT(arg == &ext_pool);
    return os_memblock_put_from_cb(&ome->mpe_mp, data) == OS_OK ? OS_EBUSY : OS_ERROR;
}

static void
hear(const struct osmempool_fault *fault, void *arg)
{
    (void)arg;
    seen = *fault;
}

static void *
be_alive(void *arg)
{
    return arg;
}

static void
expect_one_view(void)
{
    size_t mine[FLAGS_VIEW_MAX], plain[FLAGS_VIEW_MAX];
    size_t n = flags_view(mine);

    EXPECT(n == flags_plain_view(plain));
    for (size_t i = 0; i < n; i++) {
        EXPECT(mine[i] == plain[i]);
    }
}

/* No hook between the calls: they are inline, and not the program's functions. */
UNTRACED static void
expect_pairs_without_hooks(void)
{
    unsigned long before = n_hooks;

    for (int i = 0; i < FLAGS_PAIRS; i++) {
        void *block = os_memblock_get(&flags_pool);

        EXPECT(block != NULL);
        EXPECT(os_memblock_put(&flags_pool, block) == OS_OK);
    }
    EXPECT(n_hooks == before);
}

static void
expect_faults_and_counters(void)
{
    struct os_mempool_stats stats;
    void *block = os_memblock_get(&flags_pool);

    osmempool_set_fault_handler(hear, NULL);
    EXPECT(os_memblock_put(&flags_pool, block) == OS_OK);
    EXPECT(os_memblock_put(&flags_pool, block) == OS_INVALID_PARM);
    EXPECT(seen.kind == OSMEMPOOL_FAULT_DOUBLE_PUT && seen.pool == &flags_pool);
    EXPECT(seen.block == block && seen.index == 0);
    EXPECT(os_mempool_stats_get(&flags_pool, &stats, sizeof(stats)) == OS_OK);
    EXPECT(stats.size == sizeof(stats) && stats.gets == FLAGS_PAIRS + 1);
    EXPECT(stats.refused == 1 && stats.faults == 1);
}

static void
expect_callbacks(void)
{
    ext_pool.mpe_put_cb = keep;
    ext_pool.mpe_put_arg = &ext_pool;
    EXPECT(os_memblock_put(&ext_pool.mpe_mp, os_memblock_get(&ext_pool.mpe_mp)) == OS_EBUSY);
    EXPECT(ext_pool.mpe_mp.mp_num_free == FLAGS_BLOCKS);
}

int
main(void)
{
    static char name[] = "flags";
    pthread_t thread;
    void *result;

    EXPECT(os_mempool_init(&hook_pool, FLAGS_BLOCKS, FLAGS_SIZE, hook_buffer, name) == OS_OK);
    EXPECT(os_mempool_init(&flags_pool, FLAGS_BLOCKS, FLAGS_SIZE, flags_buffer, name) == OS_OK);
    EXPECT(os_mempool_ext_init(&ext_pool, FLAGS_BLOCKS, FLAGS_SIZE, ext_buffer, name) == OS_OK);
    expect_one_view();
    expect_pairs_without_hooks();
    expect_faults_and_counters();
    expect_callbacks();
    /* A thread pointer that was overwritten shows at the latest here. */
    EXPECT(pthread_create(&thread, NULL, be_alive, name) == 0);
    EXPECT(pthread_join(thread, &result) == 0 && result == name);
    return 0;
}

#endif
