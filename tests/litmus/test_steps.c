/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_steps.c: a thread is stopped after each instruction of a get and of a put, and another one
 * visits the pool meanwhile.
 *
 * The processor's trap flag stops the thread: after k instructions its handler of SIGTRAP waits.
 * Then a visitor comes, under the pool's lock. If the thread is in its section (busy), the visitor
 * must wait until it has gone on. If it is not, the visitor gets in; and while it is inside, the
 * thread, going on, must not get its operation done. So it goes for k = 1, 2, ... until the
 * operation is over before its k-th instruction. On x86-64 only.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/box.h"
#include "common/steps.h"
#include "pool/enter.h"

enum { STEPS_MAX = 2000, PATIENCE_US = 3000, LOOK_US = 100, ALARM_SECONDS = 250 };

struct stepper {
    struct os_mempool *pool;
    bool put;      /* the operation that is stopped: put or get */
    bool by_fork;  /* the visitor forks, and is not inside for longer than that */
    unsigned stop; /* after so many instructions */
    unsigned step;
    struct os_mempool_stats before; /* the operation */
    bool is_stopped;
    bool may_go_on;
    bool is_done; /* with the operation */
    bool may_end;
    bool visitor_is_inside;
    bool visitor_may_go;
    bool failed;
};

static struct stepper stepper;

/* Sequentially consistent, as it is told once in a while and shall not be thought about. */
static void
tell(bool *fact)
{
    __atomic_store_n(fact, true, __ATOMIC_SEQ_CST);
}

static bool
is_told(const bool *fact)
{
    return __atomic_load_n(fact, __ATOMIC_SEQ_CST);
}

static void
wait_for(const bool *fact)
{
    while (!is_told(fact)) {
        usleep(LOOK_US);
    }
}

/* Whether it comes true within some ms: time enough for a thread that nothing holds up. */
static bool
comes_true(const bool *fact)
{
    for (unsigned us = 0; us < PATIENCE_US && !is_told(fact); us += LOOK_US) {
        usleep(LOOK_US);
    }
    return is_told(fact);
}

static void
stop_at_step(int signal, siginfo_t *info, void *context)
{
    if (++stepper.step == stepper.stop) {
        trap_flag_clear_in(context);
        tell(&stepper.is_stopped);
        wait_for(&stepper.may_go_on);
    }
}

static void
note_counts(struct os_mempool_stats *st)
{
    if (os_mempool_stats_get(stepper.pool, st, sizeof(*st)) != OS_OK) {
        tell(&stepper.failed);
    }
}

/* A pair, of which one operation is done step by step. */
static void
do_a_pair(void)
{
    struct os_mempool *mp = stepper.pool;
    os_error_t error = OS_OK;
    void *block;

    /* Whatever the last visitor took from a cache is there again. */
    use_alone(mp, 2);
    if (stepper.put) {
        block = os_memblock_get(mp);
        note_counts(&stepper.before);
        trap_flag_set();
        error = os_memblock_put(mp, block);
        trap_flag_clear();
    } else {
        note_counts(&stepper.before);
        trap_flag_set();
        block = os_memblock_get(mp);
        trap_flag_clear();
    }
    tell(&stepper.is_done);
    wait_for(&stepper.may_end);
    if (!stepper.put) {
        error = os_memblock_put(mp, block);
    }
    assert_non_null(block);
    assert_int_equal(error, OS_OK);
}

static void *
visit(void *arg)
{
    struct os_mempool *mp = stepper.pool;
    struct osmp_thread *owner = pool_visit(mp);

    tell(&stepper.visitor_is_inside);
    wait_for(&stepper.visitor_may_go);
    pool_end_visit(mp, owner);
    return NULL;
}

static bool
child_is_well(void *arg)
{
    struct os_mempool *mp = arg;
    struct os_mempool_stats st;

    return os_mempool_stats_get(mp, &st, sizeof(st)) == OS_OK && os_mempool_is_sane(mp) &&
           st.num_free >= BOX_BLOCKS - 1 && take_all(mp) == st.num_free;
}

static void *
visit_by_fork(void *arg)
{
    if (!true_in_child(child_is_well, stepper.pool)) {
        tell(&stepper.failed);
    }
    tell(&stepper.visitor_is_inside);
    return NULL;
}

/* Whether the thread that stands still is in its section, as the owner or in its cache. */
static bool
is_busy(struct os_mempool *mp)
{
    const struct osmp_thread *owner = __atomic_load_n(&mp->osmp_owner, __ATOMIC_SEQ_CST);
    const struct cache_set *set = cache_set_of(mp);
    const struct cache *cache = set != NULL ? set->all : NULL;
    bool busy = owner != NULL && __atomic_load_n(&owner->busy, __ATOMIC_SEQ_CST) == mp;

    for (; cache != NULL; cache = cache->next) {
        busy |= __atomic_load_n(&cache->busy, __ATOMIC_SEQ_CST) == mp;
    }
    return busy;
}

static bool
has_happened(void)
{
    struct os_mempool_stats now;

    note_counts(&now);
    return now.gets != stepper.before.gets || now.puts != stepper.before.puts;
}

/* What must hold while the thread stands still, and then goes on. */
static void
visit_meanwhile(void)
{
    bool busy = is_busy(stepper.pool);
    bool happened = has_happened();
    pthread_t visitor;

    if (pthread_create(&visitor, NULL, stepper.by_fork ? visit_by_fork : visit, NULL) != 0) {
        abort();
    }
    if (!busy) {
        wait_for(&stepper.visitor_is_inside);
    } else if (comes_true(&stepper.visitor_is_inside)) {
        tell(&stepper.failed);
    }
    tell(&stepper.may_go_on);
    if (!busy && !happened && !stepper.by_fork && comes_true(&stepper.is_done)) {
        tell(&stepper.failed);
    }
    wait_for(&stepper.visitor_is_inside);
    tell(&stepper.visitor_may_go);
    pthread_join(visitor, NULL);
}

/* Waits for the stop, if there is one before the operation is done. */
static void *
direct(void *arg)
{
    while (!is_told(&stepper.is_stopped) && !is_told(&stepper.is_done)) {
        usleep(LOOK_US);
    }
    if (is_told(&stepper.is_stopped)) {
        visit_meanwhile();
    }
    tell(&stepper.may_end);
    return NULL;
}

/* False once the operation is over before its k-th instruction. */
static bool
step(struct os_mempool *mp, bool put, bool by_fork, unsigned k)
{
    pthread_t director;

    stepper = (struct stepper){.pool = mp, .put = put, .by_fork = by_fork, .stop = k};
    assert_int_equal(pthread_create(&director, NULL, direct, NULL), 0);
    do_a_pair();
    assert_int_equal(pthread_join(director, NULL), 0);
    if (stepper.failed) {
        fail_msg("a visitor and %s met at instruction %u", put ? "a put" : "a get", k);
    }
    return stepper.is_stopped;
}

/* The calling thread owns the pool or has an open cache. */
static void
step_through(enum box_kind kind, bool put, bool by_fork)
{
    struct box *box = box_make(kind);
    unsigned k = 1;

    alarm(ALARM_SECONDS);
    while (k < STEPS_MAX && step(box->pool, put, by_fork, k)) {
        k++;
    }
    print_message("# stopped after each of %u instructions\n", k - 1);
    assert_in_range(k, 10, STEPS_MAX - 1);
    assert_true(box->pool->osmp_owner != NULL || stats_of(box->pool).num_cached > 0);
    box_end(box);
}

static void
no_visitor_meets_an_owners_get(void **state)
{
    step_through(BOX_OWNED, false, false);
}

static void
no_visitor_meets_an_owners_put(void **state)
{
    step_through(BOX_OWNED, true, false);
}

static void
no_visitor_meets_a_get_from_a_cache(void **state)
{
    step_through(BOX_CACHED, false, false);
}

static void
no_visitor_meets_a_put_to_a_cache(void **state)
{
    step_through(BOX_CACHED, true, false);
}

/* The fork waits for who is inside, and the child can get all that is not out. */
static void
no_fork_meets_an_owners_get_or_put(void **state)
{
    step_through(BOX_OWNED, false, true);
    step_through(BOX_OWNED, true, true);
}

static void
no_fork_meets_a_get_or_put_of_a_cache(void **state)
{
    step_through(BOX_CACHED, false, true);
    step_through(BOX_CACHED, true, true);
}

int
main(void)
{
    const struct sigaction action = {.sa_sigaction = stop_at_step, .sa_flags = SA_SIGINFO};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_visitor_meets_an_owners_get),
        cmocka_unit_test(no_visitor_meets_an_owners_put),
        cmocka_unit_test(no_visitor_meets_a_get_from_a_cache),
        cmocka_unit_test(no_visitor_meets_a_put_to_a_cache),
        cmocka_unit_test(no_fork_meets_an_owners_get_or_put),
        cmocka_unit_test(no_fork_meets_a_get_or_put_of_a_cache),
    };

    if (!steps_are_had) {
        printf("1..0 # SKIP this processor's trap flag is unknown here\n");
        return 0;
    }
    if (!owner_is_allowed()) {
        printf("1..0 # SKIP there is no ownership here, by an option or without membarrier(2)\n");
        return 0;
    }
    sigaction(SIGTRAP, &action, NULL);
    return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
