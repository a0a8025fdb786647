/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/pause.h"

/*
 * The threads meet every few cells and then start apart by up to some 100 ns at random, so that
 * all ways of overlapping come up. A waiter that has looked often gives its CPU away, as the other
 * may want it.
 */
enum { STRIDE = 4, APART = 12, LOOKS = 2000 };

/* A line each: what one thread writes, the other waits for. */
struct side {
    uint64_t at;
    bool results[PAIR_CELLS];
} __attribute__((aligned(64)));

struct meeting {
    struct side owner;
    struct side other;
    const struct pair *pair;
    struct tally tally;
    uint64_t meetings;
    double seconds_max;
    bool until_seen;
    bool over; /* written by the owner's thread between the passes */
    int cpus[2];
};

static _Thread_local uint64_t pair_seed;

unsigned
pair_random(unsigned below)
{
    pair_seed = pair_seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(pair_seed >> 33) % below;
}

void
pair_linger(unsigned pauses_max)
{
    for (unsigned n = pair_random(pauses_max + 1); n > 0; n--) {
        sync_pause();
    }
}

static double
pair_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Waits for the other thread to come as far. Release and acquire: what was done before is seen. */
static void
pair_sync(struct side *mine, const struct side *others)
{
    uint64_t at = mine->at + 1;

    __atomic_store_n(&mine->at, at, __ATOMIC_RELEASE);
    for (unsigned looks = 0; __atomic_load_n(&others->at, __ATOMIC_ACQUIRE) < at; looks++) {
        if (looks < LOOKS) {
            sync_pause();
        } else {
            sched_yield();
        }
    }
}

static void
pair_pass(struct side *mine, const struct side *others, bool (*step)(unsigned cell))
{
    for (unsigned cell = 0; cell < PAIR_CELLS; cell++) {
        if (cell % STRIDE == 0) {
            pair_sync(mine, others);
            pair_linger(APART);
        }
        mine->results[cell] = step(cell);
    }
    pair_sync(mine, others);
}

static void
pair_judge(struct meeting *meeting)
{
    struct tally *tally = &meeting->tally;

    for (unsigned cell = 0; cell < PAIR_CELLS; cell++) {
        bool inside = meeting->owner.results[cell];
        bool found = meeting->other.results[cell];

        tally->forbidden += inside && !found;
        tally->found += inside && found;
        tally->turned += !inside && !found;
        tally->both += !inside && found;
    }
    tally->meetings += PAIR_CELLS;
}

static bool
pair_is_over(const struct meeting *meeting, double began)
{
    const struct tally *tally = &meeting->tally;

    return (meeting->until_seen ? tally->forbidden > 0 : tally->meetings >= meeting->meetings) ||
           pair_now() - began > meeting->seconds_max;
}

static void
pair_pin(int cpu, uint64_t seed)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
    pair_seed = seed;
}

static void *
pair_be_owner(void *arg)
{
    struct meeting *meeting = arg;
    double began;

    pair_pin(meeting->cpus[0], 1);
    meeting->pair->begin();
    began = pair_now();
    do {
        for (unsigned cell = 0; cell < PAIR_CELLS; cell++) {
            meeting->pair->renew(cell);
        }
        pair_pass(&meeting->owner, &meeting->other, meeting->pair->enter);
        pair_judge(meeting);
        meeting->over = pair_is_over(meeting, began);
        pair_sync(&meeting->owner, &meeting->other);
    } while (!meeting->over);
    meeting->tally.seconds = pair_now() - began;
    meeting->pair->end();
    return NULL;
}

static void *
pair_be_other(void *arg)
{
    struct meeting *meeting = arg;

    pair_pin(meeting->cpus[1], 2);
    do {
        pair_pass(&meeting->other, &meeting->owner, meeting->pair->find);
        pair_sync(&meeting->other, &meeting->owner);
    } while (!meeting->over);
    return NULL;
}

/* The first two CPUs that the process may use; how many there are. */
static unsigned
pair_cpus(int cpus[2])
{
    cpu_set_t allowed;
    unsigned n = 0;

    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return 0;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++) {
        if (CPU_ISSET(cpu, &allowed)) {
            cpus[n++] = cpu;
        }
    }
    return n;
}

bool
pair_has_cpus(void)
{
    int cpus[2];

    return pair_cpus(cpus) == 2;
}

struct tally
pair_meet(const struct pair *pair, uint64_t meetings, bool until_seen, double seconds_max)
{
    static struct meeting meeting;
    pthread_t owner;
    pthread_t other;

    memset(&meeting, 0, sizeof(meeting));
    meeting.pair = pair;
    meeting.meetings = meetings;
    meeting.until_seen = until_seen;
    meeting.seconds_max = seconds_max;
    pair_cpus(meeting.cpus);
    if (pthread_create(&owner, NULL, pair_be_owner, &meeting) != 0 ||
        pthread_create(&other, NULL, pair_be_other, &meeting) != 0) {
        abort();
    }
    pthread_join(owner, NULL);
    pthread_join(other, NULL);
    return meeting.tally;
}
