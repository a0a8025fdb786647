/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "base/clock.h"
#include "common/check.h"

static uint64_t
fine_now_us(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* The coarse clock is behind by at most a tick; some slack for a machine that is held up. */
static void
the_clock_tells_microseconds_since_1970(void **state)
{
    const uint64_t slack_us = 5000000;
    uint64_t before = fine_now_us();
    uint64_t now = clock_now_us();

    assert_in_range(now, before - slack_us, fine_now_us());
}

static void
the_exact_clock_is_not_behind(void **state)
{
    uint64_t before = fine_now_us();
    uint64_t now = clock_exact_us();

    assert_in_range(now, before, fine_now_us());
}

static void
the_clock_moves(void **state)
{
    const struct timespec two_ticks = {.tv_nsec = 25 * 1000000};
    uint64_t before = clock_now_us();

    nanosleep(&two_ticks, NULL);
    assert_true(clock_now_us() > before);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_tells_microseconds_since_1970),
        cmocka_unit_test(the_exact_clock_is_not_behind),
        cmocka_unit_test(the_clock_moves),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
