/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.c: two tasks of one thread, as a simulator in signal mode has them: a tick switches to the
 * urgent one in the midst of whatever the other one does. Each takes blocks and gives them back,
 * and marks what it has. Linked with doc/examples/simulator.c.
 */
#include <os/mynewt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <ucontext.h>

enum { BLOCKS = 64, WANTED = 24, TICK_US = 100, STACK_BYTES = 256 * 1024, SWITCHES = 2000 };

enum who { NOBODY, PATIENT, URGENT };

static struct os_mempool_ext pool;
static os_membuf_t buffer[OS_MEMPOOL_SIZE(BLOCKS, 64)];

static int is_started;
static unsigned n_sections;
static unsigned n_switches;
static sigset_t ticks;
static ucontext_t patient, urgent;

int
os_started(void)
{
    return is_started;
}

os_sr_t
tree_enter_critical(void)
{
    sigset_t before;

    n_sections++;
    sigprocmask(SIG_BLOCK, &ticks, &before);
    return (os_sr_t)sigismember(&before, SIGALRM);
}

void
tree_exit_critical(os_sr_t sr)
{
    if (sr == 0) {
        sigprocmask(SIG_UNBLOCK, &ticks, NULL);
    }
}

static void
must(int holds)
{
    if (!holds) {
        abort();
    }
}

/* A block's third word says whose it is. */
static void
change_hands(void *block, uintptr_t from, uintptr_t to)
{
    os_sr_t sr;
    uintptr_t *words = block;

    OS_ENTER_CRITICAL(sr);
    must(words[2] == from);
    words[2] = to;
    OS_EXIT_CRITICAL(sr);
}

static void
take_and_give(uintptr_t who, unsigned wanted)
{
    void *blocks[WANTED];

    for (unsigned i = 0; i < wanted; i++) {
        blocks[i] = os_memblock_get(&pool.mpe_mp);
        must(blocks[i] != NULL);
        change_hands(blocks[i], NOBODY, who);
    }
    while (wanted-- > 0) {
        change_hands(blocks[wanted], who, NOBODY);
        must(os_memblock_put(&pool.mpe_mp, blocks[wanted]) == OS_OK);
    }
}

static void
be_urgent(void)
{
    for (unsigned wanted = 0;; wanted = (wanted + 7) % WANTED) {
        take_and_give(URGENT, wanted);
        swapcontext(&urgent, &patient);
    }
}

static void
tick(int signal)
{
    n_switches++;
    swapcontext(&patient, &urgent);
}

static void
set_ticks(suseconds_t us)
{
    const struct itimerval every = {.it_value.tv_usec = us, .it_interval.tv_usec = us};

    must(setitimer(ITIMER_REAL, &every, NULL) == 0);
}

static void
make_tasks(void)
{
    struct sigaction on_tick = {.sa_handler = tick, .sa_flags = SA_RESTART};

    sigemptyset(&ticks);
    sigaddset(&ticks, SIGALRM);
    must(getcontext(&urgent) == 0);
    urgent.uc_stack.ss_sp = malloc(STACK_BYTES);
    urgent.uc_stack.ss_size = STACK_BYTES;
    urgent.uc_sigmask = ticks;
    makecontext(&urgent, be_urgent, 0);
    must(sigaction(SIGALRM, &on_tick, NULL) == 0);
}

/* Each call is in a section of its own, and none was needed before. */
static void
use_each_call(unsigned sections)
{
    struct os_mempool_ext *const mpe = &pool;
    struct os_mempool_info info;
    void *block;

    n_sections = 0;
    must(os_mempool_init(&mpe->mpe_mp, BLOCKS, 64, buffer, "tasks") == OS_OK);
    must(os_mempool_ext_clear(mpe) == OS_OK && os_mempool_clear(&mpe->mpe_mp) == OS_OK);
    must(os_mempool_unregister(&mpe->mpe_mp) == OS_OK);
    must(os_mempool_ext_init(mpe, BLOCKS, 64, buffer, "tasks") == OS_OK);
    must(os_mempool_info_get_next(NULL, &info) == os_mempool_get("tasks", &info));
    block = os_memblock_get(&mpe->mpe_mp);
    must(os_memblock_put_from_cb(&mpe->mpe_mp, block) == OS_OK);
    must(os_memblock_put(&mpe->mpe_mp, os_memblock_get(&mpe->mpe_mp)) == OS_OK);
    must(os_mempool_is_sane(&mpe->mpe_mp));
    must(n_sections == sections);
}

int
main(void)
{
    make_tasks();
    use_each_call(0);
    is_started = 1;
    use_each_call(12);
    set_ticks(TICK_US);
    while (n_switches < SWITCHES) {
        take_and_give(PATIENT, WANTED);
    }
    set_ticks(0);
    must(os_mempool_is_sane(&pool.mpe_mp));
    must(pool.mpe_mp.mp_num_free == BLOCKS);
    return 0;
}
