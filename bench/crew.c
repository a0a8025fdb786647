/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "crew.h"
#include "die.h"

struct hand {
    struct crew *crew;
    void *member;
    crew_job_fn *job;
    pthread_t thread;
    uint64_t begin_ns;
    uint64_t end_ns;
    /* For a CPU, though able to run; counted from before the start, as a thread that gets its CPU
     * late works while the others have done. */
    uint64_t waited_before_ns;
    uint64_t waited_ns;
};

struct crew {
    pthread_barrier_t start;
    pthread_barrier_t finish;
    uint64_t deadline_ns; /* written before start, read after it */
    bool over;            /* likewise */
    uint32_t n;
    struct hand hands[];
};

/* How long this thread has waited for a CPU so far; always 0 on a kernel that does not tell. */
static uint64_t
waited_so_far_ns(void)
{
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    unsigned long long ran;
    unsigned long long waited;

    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%llu %llu", &ran, &waited) != 2) {
        waited = 0;
    }
    fclose(file);
    return waited;
}

static void
hand_work(struct hand *hand)
{
    hand->begin_ns = clock_now_ns();
    hand->job(hand->member, hand->crew->deadline_ns);
    hand->end_ns = clock_now_ns();
    hand->waited_ns = waited_so_far_ns() - hand->waited_before_ns;
}

static void *
hand_main(void *arg)
{
    struct hand *hand = arg;

    for (;;) {
        hand->waited_before_ns = waited_so_far_ns();
        pthread_barrier_wait(&hand->crew->start);
        if (hand->crew->over) {
            return NULL;
        }
        hand_work(hand);
        pthread_barrier_wait(&hand->crew->finish);
    }
}

static void
pin_to(uint32_t cpus)
{
    cpu_set_t allowed;
    cpu_set_t chosen;

    CPU_ZERO(&chosen);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE && cpus > 0; cpu++) {
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_SET(cpu, &chosen);
            cpus--;
        }
    }
    sched_setaffinity(0, sizeof(chosen), &chosen);
}

struct crew *
crew_new(uint32_t n, uint32_t cpus, void *const *members, crew_job_fn *const *jobs)
{
    struct crew *crew = die_calloc(1, sizeof(*crew) + n * sizeof(crew->hands[0]));

    if (cpus != 0) {
        pin_to(cpus);
    }
    crew->n = n;
    pthread_barrier_init(&crew->start, NULL, n + 1);
    pthread_barrier_init(&crew->finish, NULL, n + 1);
    for (uint32_t i = 0; i < n; i++) {
        crew->hands[i] = (struct hand){.crew = crew, .member = members[i], .job = jobs[i]};
    }
    for (uint32_t i = 0; n > 1 && i < n; i++) {
        if (pthread_create(&crew->hands[i].thread, NULL, hand_main, &crew->hands[i]) != 0) {
            die("cannot start %u threads; lower --threads", n);
        }
    }
    return crew;
}

struct crew_round
crew_work(struct crew *crew, uint64_t work_ns)
{
    uint64_t begin_ns = UINT64_MAX;
    uint64_t end_ns = 0;
    uint64_t waited_ns = 0;

    crew->deadline_ns = clock_now_ns() + work_ns;
    if (crew->n == 1) {
        crew->hands[0].waited_before_ns = waited_so_far_ns();
        hand_work(&crew->hands[0]);
    } else {
        pthread_barrier_wait(&crew->start);
        pthread_barrier_wait(&crew->finish);
    }
    for (uint32_t i = 0; i < crew->n; i++) {
        begin_ns = crew->hands[i].begin_ns < begin_ns ? crew->hands[i].begin_ns : begin_ns;
        end_ns = crew->hands[i].end_ns > end_ns ? crew->hands[i].end_ns : end_ns;
        waited_ns += crew->hands[i].waited_ns;
    }
    return (struct crew_round){
        .wall_ns = end_ns - begin_ns,
        .waited = (double)waited_ns / (double)(end_ns - begin_ns) / crew->n,
    };
}

struct crew *
crew_free(struct crew *crew)
{
    crew->over = true;
    if (crew->n > 1) {
        pthread_barrier_wait(&crew->start);
        for (uint32_t i = 0; i < crew->n; i++) {
            pthread_join(crew->hands[i].thread, NULL);
        }
    }
    pthread_barrier_destroy(&crew->start);
    pthread_barrier_destroy(&crew->finish);
    free(crew);
    return NULL;
}
