/* SPDX-License-Identifier: Apache-2.0 */
/* crimes_thread.c: what two threads, or a child, do wrong together. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crime.h"

static void
thread_run(void *(*work)(void *), void *arg)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, work, arg) != 0) {
        abort();
    }
    pthread_join(thread, NULL);
}

struct errand {
    struct scene *s;
    void *block;
};

static void *
put_of_other_thread(void *arg)
{
    struct errand *errand = arg;

    place_give(&errand->s->scene, errand->block);
    return NULL;
}

static void *
refused_put_of_other_thread(void *arg)
{
    struct errand *errand = arg;

    scene_refused(errand->s, errand->s->scene.pool, errand->block);
    return NULL;
}

static void
thread_puts_after_other(struct scene *s)
{
    struct errand errand = {s, NULL};

    place_take(&s->scene);
    errand.block = place_take(&s->scene);
    place_give(&s->scene, errand.block);
    thread_run(refused_put_of_other_thread, &errand);
}

/* The first has ended, and with it its cache. */
static void
thread_puts_and_ends(struct scene *s)
{
    struct errand errand = {s, NULL};

    place_take(&s->scene);
    errand.block = place_take(&s->scene);
    thread_run(put_of_other_thread, &errand);
    scene_refused(s, s->scene.pool, errand.block);
}

enum { RACES = 1000 };

struct race {
    struct scene *s;
    pthread_barrier_t barrier;
    void *block;
    unsigned wins;
};

static void
race_put(struct race *race)
{
    pthread_barrier_wait(&race->barrier);
    if (os_memblock_put(race->s->scene.pool, race->block) == OS_OK) {
        __atomic_fetch_add(&race->wins, 1, __ATOMIC_RELAXED);
    }
    pthread_barrier_wait(&race->barrier);
}

static void *
race_of_other_thread(void *arg)
{
    for (unsigned i = 0; i < RACES; i++) {
        race_put(arg);
    }
    return NULL;
}

/* One of the two succeeds, each time. */
static void
threads_put_at_once(struct scene *s)
{
    struct race race = {.s = s};
    pthread_t thread;

    place_take(&s->scene);
    pthread_barrier_init(&race.barrier, NULL, 2);
    if (pthread_create(&thread, NULL, race_of_other_thread, &race) != 0) {
        abort();
    }
    for (unsigned i = 0; i < RACES; i++) {
        race.block = place_take(&s->scene);
        place_forget(&s->scene, race.block);
        race_put(&race);
    }
    pthread_join(thread, NULL);
    if (race.wins != RACES) {
        scene_say("corrupt %u of %u blocks went back", race.wins, (unsigned)RACES);
        _exit(0);
    }
    scene_expect(s, os_memblock_put(s->scene.pool, race.block), OS_INVALID_PARM);
}

/* Waits for a child; what it said is in the answer already. */
static void
child_end(pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) != child || status != 0) {
        scene_say("corrupt the child did not end well");
        _exit(0);
    }
}

/* The child's pools are its own: the parent's block is out in both. */
static void
child_puts_twice(struct scene *s)
{
    void *block;
    pid_t child;

    place_take(&s->scene);
    block = place_take(&s->scene);
    child = fork();
    if (child == 0) {
        alarm(60);
        place_give(&s->scene, block);
        scene_refused(s, s->scene.pool, block);
        _exit(0);
    }
    child_end(child);
    place_give(&s->scene, block);
    scene_refused(s, s->scene.pool, block);
}

/* It was put before the fork. */
static void
child_puts_free_block(struct scene *s)
{
    void *block;
    pid_t child;

    place_take(&s->scene);
    block = place_take(&s->scene);
    place_give(&s->scene, block);
    child = fork();
    if (child == 0) {
        alarm(60);
        scene_refused(s, s->scene.pool, block);
        scene_look(s);
        _exit(0);
    }
    child_end(child);
    scene_say("stage call");
}

static os_error_t
cb_fork(struct os_mempool_ext *ext, void *block, void *arg)
{
    pid_t child = fork();

    if (child == 0) {
        alarm(60);
        _exit(os_memblock_put_from_cb(&ext->mpe_mp, block) == OS_OK &&
                      os_mempool_is_sane(&ext->mpe_mp)
                  ? 0
                  : 1);
    }
    child_end(child);
    scene_fine(arg, true);
    return os_memblock_put_from_cb(&ext->mpe_mp, block);
}

static void
callback_forks(struct scene *s)
{
    void *block = place_take(&s->scene);

    place_forget(&s->scene, block);
    s->scene.ext.mpe_put_cb = cb_fork;
    os_memblock_put(s->scene.pool, block);
    s->scene.ext.mpe_put_cb = scene_callback;
}

const struct crime crimes_thread[] = {
    CRIME(thread_puts_after_other, "a put of what another thread has put", KINDS_ALL, WAYS_ALL,
          "double", ALWAYS("error, double put")),
    CRIME(thread_puts_and_ends, "a put of what a thread put that has ended", KINDS_ALL, WAYS_ALL,
          "double", ALWAYS("error, double put")),
    CRIME(threads_put_at_once, "two threads put one block at the same time",
          KINDS_PLAIN | KIND_ONE_WORD, 0, "double", ALWAYS("error, double put")),
    CRIME(child_puts_twice, "a child puts the parent's block twice, and so the parent", KINDS_ALL,
          0, "double", ALWAYS("error, double put")),
    CRIME(child_puts_free_block, "a child puts what was free at the fork", KINDS_ALL, WAYS_ALL,
          "double", ALWAYS("error, double put")),
    CRIME(callback_forks, "a callback forks, both release the block", KIND_EXTENDED, 0, NULL,
          ALWAYS("fine")),
    {.name = NULL},
};
