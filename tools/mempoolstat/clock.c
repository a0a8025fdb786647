/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t interrupted;

int64_t
clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
clock_interrupt(int signal_number)
{
    interrupted = 1;
}

void
clock_catch_interrupt(void)
{
    /* Without SA_RESTART, so that a write to a pipe that nobody reads ends too. */
    struct sigaction action = {.sa_handler = clock_interrupt};

    sigaction(SIGINT, &action, NULL);
}

bool
clock_was_interrupted(void)
{
    return interrupted != 0;
}

void
clock_wait_until(int64_t then_ns)
{
    sigset_t caught, before;

    sigemptyset(&caught);
    sigaddset(&caught, SIGINT);
    /* Blocked but inside ppoll(), so that it cannot come between the question and the sleep. */
    sigprocmask(SIG_BLOCK, &caught, &before);
    for (int64_t now = clock_now_ns(); now < then_ns && !clock_was_interrupted();
         now = clock_now_ns()) {
        struct timespec rest = {(then_ns - now) / 1000000000, (then_ns - now) % 1000000000};

        ppoll(NULL, 0, &rest, &before);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}
