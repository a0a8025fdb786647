/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pair.h: two threads that meet at each cell of a large array, as a litmus test.
 *
 * One thread does what a thread does that enters its pool or its cache, the other what a thread
 * does that takes the pool or the cache away. Each says what it found: whether it is inside, and
 * whether it found the first one inside. That both are inside and the other did not find it is
 * forbidden. The threads are pinned to different CPUs, and meet again every few cells.
 */
#ifndef LITMUS_PAIR_H
#define LITMUS_PAIR_H

#include <stdbool.h>
#include <stdint.h>

enum { PAIR_CELLS = 4096 };

/* How a thread's own side and the other side behave; the array is the kind's own. */
struct pair {
    void (*begin)(void);          /* by the owner's thread, once */
    void (*renew)(unsigned cell); /* by the owner's thread, between the passes */
    bool (*enter)(unsigned cell); /* by the owner's thread: whether it is inside */
    bool (*find)(unsigned cell);  /* by the other: whether it found the owner inside */
    void (*end)(void);            /* by the owner's thread, once */
};

/* How often each outcome was seen. */
struct tally {
    uint64_t meetings;  /* cells visited by both */
    uint64_t forbidden; /* inside, and not found */
    uint64_t found;     /* inside, and found: the other would wait */
    uint64_t turned;    /* not inside, and not found: the other came first */
    uint64_t both;      /* not inside, but found: each saw the other */
    double seconds;
};

/* Whether the process may use two CPUs. */
bool pair_has_cpus(void);

/* Lets the threads meet so often, or until a forbidden outcome was seen; at most so long. */
struct tally
pair_meet(const struct pair *pair, uint64_t meetings, bool until_seen, double seconds_max);

/* A number from 0 to below - 1, of a sequence of the calling thread. */
unsigned pair_random(unsigned below);

/* Waits for some ns to some us, at random. */
void pair_linger(unsigned pauses_max);

#endif
