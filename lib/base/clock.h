/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: the time of day for reports, and the time that passes for deadlines. */
#ifndef OSMP_BASE_CLOCK_H
#define OSMP_BASE_CLOCK_H

#include <stdint.h>

/*
 * Microseconds since 1970, from the coarse clock (a few nanoseconds a call, exact to a timer tick,
 * 1 to 10 ms).
 */
uint64_t clock_now_us(void);

/* The same from the exact clock, for what is compared or divided by. */
uint64_t clock_exact_us(void);

/* Microseconds and milliseconds of a clock that nobody sets. */
uint64_t clock_steady_us(void);
uint64_t clock_steady_ms(void);

/* Microseconds since the start of the machine. */
uint64_t clock_up_us(void);

#endif
