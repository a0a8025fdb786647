/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h: time that only goes forward, and waiting for it.
 */
#ifndef MEMPOOLSTAT_CLOCK_H
#define MEMPOOLSTAT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_SECOND_NS ((int64_t)1000000000)

/** Nanoseconds of the monotonic clock. */
int64_t clock_now_ns(void);

/** From now on SIGINT ends the next wait instead of the program. */
void clock_catch_interrupt(void);

/** Whether SIGINT has come since. */
bool clock_was_interrupted(void);

/** Sleeps until then, or until SIGINT comes. */
void clock_wait_until(int64_t then_ns);

#endif
