/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static uint64_t
clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t
clock_now_us(void)
{
    return clock_us(CLOCK_REALTIME_COARSE);
}

uint64_t
clock_exact_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

uint64_t
clock_steady_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

uint64_t
clock_steady_ms(void)
{
    return clock_steady_us() / 1000u;
}

uint64_t
clock_up_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}
