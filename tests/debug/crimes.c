/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crimes.c: a program that does one thing with pools, mostly a wrong one, named on its command
 * line.
 *
 * Built for each tool that watches memory and run under each debug word; the Python tests beside it
 * know what each must have to say. Exits with 0 if it got to the end.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "osmempool.h"

enum { BLOCKS = 16, BLOCK_BYTES = 60, ROUNDS = 20000, SLOTS = 8 };

static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
static struct os_mempool pool;
static os_membuf_t other_buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
static struct os_mempool other;

/* Named in the stacks that a tool prints. */
static __attribute__((noinline)) char *
getter(struct os_mempool *mp)
{
    char *block = os_memblock_get(mp);

    if (block == NULL) {
        fprintf(stderr, "crimes: no block\n");
        exit(2);
    }
    return block;
}

static __attribute__((noinline)) os_error_t
putter(struct os_mempool *mp, void *block)
{
    return os_memblock_put(mp, block);
}

static __attribute__((noinline)) void
culprit_write(volatile char *at)
{
    *at = '!';
}

static __attribute__((noinline)) int
culprit_read(const volatile char *at)
{
    return *at;
}

/* All that is allowed: every call, with full use of the blocks. */
static void
use_all(struct os_mempool *mp)
{
    void *blocks[BLOCKS];

    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = memset(getter(mp), i, BLOCK_BYTES);
    }
    if (os_memblock_get(mp) != NULL || os_memblock_put_bulk(mp, blocks, BLOCKS / 2) != OS_OK) {
        exit(3);
    }
    for (int i = BLOCKS / 2; i < BLOCKS; i++) {
        if (putter(mp, blocks[i]) != OS_OK) {
            exit(3);
        }
    }
    if (os_memblock_get_bulk(mp, blocks, BLOCKS) != OS_OK) {
        exit(3);
    }
    memset(blocks[3], 3, BLOCK_BYTES);
    if (os_mempool_clear(mp) != OS_OK || !os_mempool_is_sane(mp)) {
        exit(3);
    }
}

static os_error_t
put_back(struct os_mempool_ext *ome, void *data, void *arg)
{
    memset(data, 7, BLOCK_BYTES);
    return os_memblock_put_from_cb(&ome->mpe_mp, data);
}

/* A pool whose memory is a block of another, as long as that is out. */
static void
use_nested(void)
{
    enum { LARGE_BYTES = OS_MEMPOOL_BYTES(BLOCKS, BLOCK_BYTES) };
    static os_membuf_t words[OS_MEMPOOL_SIZE(2, LARGE_BYTES)];
    struct os_mempool outer;
    struct os_mempool inner;
    char *block;

    os_mempool_init(&outer, 2, LARGE_BYTES, words, "outer");
    getter(&outer);
    block = getter(&outer);
    os_mempool_init(&inner, BLOCKS, BLOCK_BYTES, block, "inner");
    use_all(&inner);
    os_mempool_unregister(&inner);
    putter(&outer, block);
    os_mempool_clear(&outer);
    os_mempool_unregister(&outer);
}

static void
do_clean(void)
{
    static os_membuf_t words[OS_MEMPOOL_SIZE(BLOCKS, 1)];
    struct os_mempool_ext ext;
    struct os_mempool tiny;

    use_all(&pool);
    os_mempool_ext_init(&ext, BLOCKS, BLOCK_BYTES, malloc(OS_MEMPOOL_BYTES(BLOCKS, BLOCK_BYTES)),
                        "extended");
    ext.mpe_put_cb = put_back;
    use_all(&ext.mpe_mp);
    os_mempool_unregister(&ext.mpe_mp);
    free((void *)ext.mpe_mp.mp_membuf_addr);
    os_mempool_init(&tiny, BLOCKS, 1, words, "tiny");
    putter(&tiny, getter(&tiny));
    os_mempool_unregister(&tiny);
    memset(words, 1, sizeof(words));
    os_mempool_init(&tiny, BLOCKS, 1, words, "tiny");
    os_mempool_unregister(&tiny);
    use_nested();
}

static void
do_pool_in_free_block(void)
{
    char *block = getter(&pool);
    struct os_mempool inner;

    putter(&pool, block);
    os_mempool_init(&inner, 2, 16, block, "inner");
    os_mempool_unregister(&inner);
}

static void
do_write_after_put(void)
{
    char *block = getter(&pool);

    putter(&pool, block);
    culprit_write(block + 20);
}

static void
do_read_after_put(void)
{
    char *block = getter(&pool);

    putter(&pool, block);
    culprit_read(block + 20);
}

/* Into the next block, which is free, and behind the bytes of the last word. */
static void
do_overrun(void)
{
    culprit_write(getter(&pool) + BLOCK_BYTES + OS_ALIGNMENT);
}

static void
do_overrun_by_one(void)
{
    culprit_write(getter(&pool) + BLOCK_BYTES);
}

static void
do_double_put(void)
{
    char *block = getter(&pool);

    putter(&pool, block);
    putter(&pool, block);
}

/* How many faults a handler was told of. */
static uint32_t n_heard;

static void
hear(const struct osmempool_fault *fault, void *arg)
{
    n_heard++;
}

/* Two places at which mistakes are made in a loop, and two pools, of which one is made again. */
static void
do_storm(void)
{
    struct os_mempool_stats stats;

    osmempool_set_fault_handler(hear, NULL);
    putter(&pool, getter(&pool));
    for (int i = 0; i < ROUNDS; i++) {
        putter(&pool, buffer);
        os_memblock_put_from_cb(&pool, buffer);
        putter(&other, other_buffer);
    }
    os_mempool_stats_get(&pool, &stats, sizeof(stats));
    os_mempool_init(&other, BLOCKS, BLOCK_BYTES, other_buffer, "again");
    for (int i = 0; i < 12; i++) {
        putter(&other, other_buffer);
    }
    printf("%u %llu\n", n_heard, (unsigned long long)stats.faults);
}

/* Each call finds more than it can tell of. */
static void
do_storm_of_calls(void)
{
    char *block = getter(&pool);

    for (int i = 0; i < ROUNDS; i++) {
        memset(buffer, i, sizeof(buffer));
        putter(&pool, block);
        os_mempool_clear(&pool);
        block = getter(&pool);
    }
}

static void
do_foreign_put(void)
{
    putter(&pool, getter(&other) + 8);
}

static void
do_damaged_link(void)
{
    char *block = getter(&pool);
    uintptr_t nowhere = 1;

    putter(&pool, block);
    memcpy(block, &nowhere, sizeof(nowhere));
    getter(&pool);
    os_memblock_get(&pool);
}

static void
do_lost(void)
{
    getter(&pool);
    getter(&pool);
}

static void
do_lost_at_unregister(void)
{
    do_lost();
    os_mempool_unregister(&pool);
}

/* Blocks are out, and others damaged, in two pools. */
static void
do_lost_and_damaged(void)
{
    for (int i = 0; i < 2; i++) {
        struct os_mempool *mp = i == 0 ? &pool : &other;
        char *first = getter(mp);
        char *second = getter(mp);

        getter(mp);
        putter(mp, first);
        putter(mp, second);
        culprit_write(first + 20);
        culprit_write(second + 21);
    }
}

/* A test that wants to fail by its own means. */
static void
fail_test(const struct osmempool_fault *fault, void *arg)
{
    printf("%d %s %u %u %d\n", fault->kind, fault->pool_name, fault->index, fault->n_blocks,
           fault->caller == NULL);
    fflush(stdout);
    if (fault->kind == OSMEMPOOL_FAULT_BLOCKS_OUT) {
        _exit(7);
    }
}

static void
do_lost_and_heard(void)
{
    osmempool_set_fault_handler(fail_test, NULL);
    do_lost_and_damaged();
}

/* What the C library has still to write is written; and memory of malloc's is lost, too. */
static void *volatile forgotten;

static void
do_lost_with_words(void)
{
    printf("last words\n");
    do_lost();
}

static void
do_lost_with_memory(void)
{
    forgotten = malloc(4711);
    forgotten = NULL;
    do_lost();
}

/* Put after all, by an exit handler. */
static char *late;

static void
put_late(void)
{
    putter(&pool, late);
}

static void
do_put_at_exit(void)
{
    late = getter(&pool);
    atexit(put_late);
}

static void
do_put_after_unregister(void)
{
    char *block = getter(&pool);

    os_mempool_unregister(&pool);
    putter(&pool, block);
}

/* Pools whose memory is something else, or nothing, when the program ends: a struct and a buffer
 * on a stack, and in a mapping. */
static __attribute__((noinline)) void
use_stack(struct os_mempool *mp)
{
    os_membuf_t words[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];

    os_mempool_init(mp, BLOCKS, BLOCK_BYTES, words, "on the stack");
    putter(mp, getter(mp));
    /* A compiler may know that nobody reads them any more. */
    __asm__ volatile("" : : "r"(words) : "memory");
}

static __attribute__((noinline)) void
overwrite_stack(int value)
{
    char bytes[65536];

    memset(bytes, value, sizeof(bytes));
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

static void
do_gone_at_exit(void)
{
    static struct os_mempool stays;
    const size_t bytes = OS_MEMPOOL_BYTES(BLOCKS, BLOCK_BYTES);
    char *map = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED) {
        exit(10);
    }
    use_stack(&stays);
    overwrite_stack(1);
    os_mempool_init((struct os_mempool *)(void *)map, BLOCKS, BLOCK_BYTES, map + bytes, "unmapped");
    munmap(map, 2 * bytes);
}

/* Threads are at work while the program ends. */
static void *
work_on(void *arg)
{
    for (;;) {
        char *blocks[3];

        for (int i = 0; i < 3; i++) {
            blocks[i] = memset(getter(&pool), i, BLOCK_BYTES);
        }
        for (int i = 0; i < 3; i++) {
            putter(&pool, blocks[i]);
        }
    }
    return NULL;
}

static void
do_busy_at_exit(void)
{
    for (int i = 0; i < 3; i++) {
        pthread_t thread;

        pthread_create(&thread, NULL, work_on, NULL);
    }
    usleep(20000);
}

/* Blocks go from thread to thread through the pool alone, and by way of a lock. */
static pthread_mutex_t slots_mutex = PTHREAD_MUTEX_INITIALIZER;
static char *slots[SLOTS];

static char *
exchange(int slot, char *block)
{
    char *old;

    pthread_mutex_lock(&slots_mutex);
    old = slots[slot];
    slots[slot] = block;
    pthread_mutex_unlock(&slots_mutex);
    return old;
}

static void *
hand_over(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        char *block = os_memblock_get(&pool);

        if (block != NULL) {
            memset(block, i, BLOCK_BYTES);
        }
        block = exchange(i % SLOTS, block);
        if (block != NULL) {
            block[7]++;
            if (os_memblock_put(&pool, block) != OS_OK) {
                exit(4);
            }
        }
    }
    return NULL;
}

static void
do_hand_over(void)
{
    pthread_t threads[3];

    os_mempool_cache_enable(&pool, 4);
    for (int i = 0; i < 3; i++) {
        pthread_create(&threads[i], NULL, hand_over, NULL);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < SLOTS; i++) {
        char *block = exchange(i, NULL);

        if (block != NULL) {
            os_memblock_put(&pool, block);
        }
    }
}

/* A race that no pool can excuse: two threads write one block. */
static void *
write_it(void *block)
{
    for (int i = 0; i < ROUNDS; i++) {
        culprit_write(block);
    }
    return NULL;
}

static void
do_race(void)
{
    char *block = getter(&pool);
    pthread_t thread;

    pthread_create(&thread, NULL, write_it, block);
    write_it(block);
    pthread_join(thread, NULL);
    putter(&pool, block);
}

/* What the words say of itself: gets until one fails. */
static void
do_count_gets(void)
{
    int n = 0;

    while (os_memblock_get(&pool) != NULL) {
        n++;
    }
    printf("%d\n", n);
}

/* Writes into a free block, which is found when it is got again. */
static void
soil(struct os_mempool *mp)
{
    char *block = getter(mp);

    putter(mp, block);
    culprit_write(block + 20);
    putter(mp, getter(mp));
}

static void
do_write_after_put_and_get(void)
{
    soil(&pool);
}

/* The damaged block is not the one that is put. */
static void
do_damaged_link_and_put(void)
{
    char *first = getter(&pool);
    char *second = getter(&pool);
    uintptr_t nowhere = 1;

    putter(&pool, second);
    memcpy(second, &nowhere, sizeof(nowhere));
    putter(&pool, first);
    putter(&pool, getter(&pool));
}

static void
do_many_blocks(void)
{
    enum { MANY = 100000 };
    static os_membuf_t words[OS_MEMPOOL_SIZE(MANY, 16)];
    struct os_mempool mp;

    os_mempool_init(&mp, MANY, 16, words, "many");
    putter(&mp, getter(&mp));
    os_mempool_unregister(&mp);
}

/* The program has all the mappings that the kernel grants: each page has a neighbour unlike it. */
static void
do_no_mappings_left(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t pages = 200000;
    char *map =
        mmap(NULL, pages * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t i = 0;

    while (i < pages && mprotect(map + i * page, page, PROT_READ) == 0) {
        i += 2;
    }
    if (map == MAP_FAILED || i >= pages) {
        exit(5);
    }
    soil(&pool);
}

/* One pool after the other that gets no fence, and one that loses it. */
static void
do_many_blocks_again(void)
{
    do_many_blocks();
    do_many_blocks();
    do_no_mappings_left();
}

/* Used on after unregister: checked while a block is out, and as any other pool afterwards. */
static void
do_unregistered(void)
{
    char *block = getter(&pool);

    os_mempool_unregister(&pool);
    soil(&pool);
    putter(&pool, block);
    putter(&pool, block);
    block = getter(&pool);
    soil(&pool);
    putter(&pool, block);
    if (!os_mempool_is_sane(&pool) || pool.mp_num_free != pool.mp_num_blocks) {
        exit(7);
    }
}

/* Nothing of the library's stays with a pool that is gone: it is in its own buffer again. */
static void
do_refused_after_unregister(void)
{
    struct os_mempool_ext ext;
    os_membuf_t words[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];

    os_mempool_ext_init(&ext, BLOCKS, BLOCK_BYTES, words, "extended");
    ext.mpe_put_cb = put_back;
    os_mempool_unregister(&ext.mpe_mp);
    putter(&ext.mpe_mp, &words[1]);
    putter(&ext.mpe_mp, &words[0]);
    if (ext.mpe_mp.mp_membuf_addr != (uintptr_t)words) {
        exit(8);
    }
}

static void
do_forked(void)
{
    int status;
    pid_t child;

    soil(&pool);
    child = fork();
    soil(&pool);
    if (child == 0) {
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || status != 0) {
        exit(6);
    }
}

/* Memory of pools that are over, with blocks in use, is used for something else: no crime at all.
 */
static void
reuse_dropped(void)
{
    static os_membuf_t used[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
    os_membuf_t on_stack[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
    struct os_mempool first, second;

    os_mempool_init(&first, BLOCKS, BLOCK_BYTES, used, "first");
    os_mempool_init(&second, BLOCKS, BLOCK_BYTES, on_stack, "second");
    getter(&first);
    getter(&second);
    os_mempool_module_init();
    /* The struct comes elsewhere: the buffer is the program's again. */
    os_mempool_init(&first, BLOCKS, BLOCK_BYTES, buffer, "first");
    memset(used, 1, sizeof(used));
    os_mempool_init(&second, BLOCKS, BLOCK_BYTES, used, "second");
    memset(on_stack, 1, sizeof(on_stack));
    getter(&second);
    /* So does the buffer, in other pieces; and a struct comes to lie on one. */
    os_mempool_module_init();
    os_mempool_init((struct os_mempool *)(void *)&used[8], 1, 8, on_stack, "third");
    memset(&used[8 + sizeof(first) / sizeof(used[0])], 1, BLOCK_BYTES);
    memset(used, 1, 64);
    getter((struct os_mempool *)(void *)&used[8]);
    os_mempool_module_init();
}

static void
reuse_retired(void)
{
    char *heap = malloc(OS_MEMPOOL_BYTES(BLOCKS, BLOCK_BYTES));
    struct os_mempool first, second;

    os_mempool_init(&first, BLOCKS, BLOCK_BYTES, heap, "first");
    getter(&first);
    os_mempool_unregister(&first);
    os_mempool_init(&second, 2 * BLOCKS, BLOCK_BYTES / 2, heap, "second");
    putter(&second, getter(&second));
    getter(&second);
    os_mempool_init(&second, BLOCKS, BLOCK_BYTES, heap, "again");
    getter(&second);
    os_mempool_module_init();
    free(heap);
    heap = malloc(OS_MEMPOOL_BYTES(BLOCKS, BLOCK_BYTES));
    memset(heap, 1, OS_MEMPOOL_BYTES(BLOCKS, BLOCK_BYTES));
    os_mempool_init(&second, BLOCKS, BLOCK_BYTES, heap, "last");
    putter(&second, getter(&second));
    os_mempool_unregister(&second);
    free(heap);
}

/* The buffer is the program's again with unregister, but for the blocks that are in use. */
static void
reuse_unregistered(void)
{
    union {
        os_membuf_t words[OS_MEMPOOL_SIZE(BLOCKS, 1)];
        volatile long live;
    } on_stack;
    struct os_mempool mp;
    os_membuf_t next[OS_MEMPOOL_SIZE(BLOCKS, 1)];

    os_mempool_init(&mp, BLOCKS, 1, on_stack.words, "before");
    getter(&mp);
    os_mempool_unregister(&mp);
    on_stack.live = 5;
    os_mempool_init(&mp, BLOCKS, 1, next, "after");
    if (on_stack.live != 5) {
        exit(9);
    }
    os_mempool_unregister(&mp);
}

/*
 * A frame of the stack goes with a registered pool; then all are dropped. In code that no compiler
 * has made for a tool, which would take marks off its frames.
 */
static __attribute__((noinline, no_sanitize("address"))) void
leave_pool_on_stack(void)
{
    os_membuf_t words[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
    static struct os_mempool mp;

    os_mempool_init(&mp, BLOCKS, BLOCK_BYTES, words, "frame");
    getter(&mp);
}

static __attribute__((noinline, no_sanitize("address"))) void
reuse_frame(void)
{
    char bytes[sizeof(os_membuf_t) * OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];

    memset(bytes, 1, sizeof(bytes));
    culprit_read(bytes);
}

static void
reuse_stack(void)
{
    leave_pool_on_stack();
    os_mempool_module_init();
    reuse_frame();
}

static void
do_reuse(void)
{
    reuse_stack();
    reuse_unregistered();
    reuse_dropped();
    reuse_retired();
}

/* The buffer of a dropped pool is the allocator's again, and stays so when its struct is used. */
static void
do_read_of_freed_buffer(void)
{
    char *volatile heap = malloc(OS_MEMPOOL_BYTES(BLOCKS, BLOCK_BYTES));
    struct os_mempool mp;

    os_mempool_init(&mp, BLOCKS, BLOCK_BYTES, heap, "heap");
    getter(&mp);
    os_mempool_module_init();
    free(heap);
    os_mempool_init(&mp, BLOCKS, BLOCK_BYTES, buffer, "static");
    culprit_read(heap + 20);
}

static const struct {
    const char *name;
    void (*run)(void);
} crimes[] = {
    {"clean", do_clean},
    {"pool-in-free-block", do_pool_in_free_block},
    {"write-after-put", do_write_after_put},
    {"read-after-put", do_read_after_put},
    {"overrun", do_overrun},
    {"overrun-by-one", do_overrun_by_one},
    {"double-put", do_double_put},
    {"storm", do_storm},
    {"storm-of-calls", do_storm_of_calls},
    {"foreign-put", do_foreign_put},
    {"damaged-link", do_damaged_link},
    {"lost", do_lost},
    {"lost-at-unregister", do_lost_at_unregister},
    {"lost-and-damaged", do_lost_and_damaged},
    {"lost-and-heard", do_lost_and_heard},
    {"lost-with-words", do_lost_with_words},
    {"lost-with-memory", do_lost_with_memory},
    {"put-at-exit", do_put_at_exit},
    {"put-after-unregister", do_put_after_unregister},
    {"gone-at-exit", do_gone_at_exit},
    {"busy-at-exit", do_busy_at_exit},
    {"hand-over", do_hand_over},
    {"race", do_race},
    {"count-gets", do_count_gets},
    {"write-after-put-and-get", do_write_after_put_and_get},
    {"damaged-link-and-put", do_damaged_link_and_put},
    {"many-blocks", do_many_blocks},
    {"many-blocks-again", do_many_blocks_again},
    {"no-mappings-left", do_no_mappings_left},
    {"unregistered", do_unregistered},
    {"refused-after-unregister", do_refused_after_unregister},
    {"forked", do_forked},
    {"reuse", do_reuse},
    {"read-of-freed-buffer", do_read_of_freed_buffer},
};

int
main(int argc, char **argv)
{
    os_mempool_init(&pool, BLOCKS, BLOCK_BYTES, buffer, "scene");
    os_mempool_init(&other, BLOCKS, BLOCK_BYTES, other_buffer, "other");
    for (size_t i = 0; argc == 2 && i < sizeof(crimes) / sizeof(crimes[0]); i++) {
        if (strcmp(crimes[i].name, argv[1]) == 0) {
            crimes[i].run();
            return 0;
        }
    }
    fprintf(stderr, "usage: crimes NAME\n");
    return 64;
}
