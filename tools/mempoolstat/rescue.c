/* SPDX-License-Identifier: Apache-2.0 */
#include "rescue.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "alloc.h"

/* A terminal that takes nothing, for a stopped output perhaps, must not keep us from dying. */
#define RESCUE_PATIENCE_MS 300

/* Written before the handlers are set, and only read until they are gone. */
static struct {
    int fd;
    pid_t pid; /* a child that has not changed its handlers yet must not touch the terminal */
    struct termios modes;
    char *text;
    size_t n_bytes;
    void *stack; /* for the handler: the usual one may be what has overflowed */
} rescue;

/* The terminal is not ours at the moment. Changed while signals are blocked. */
static volatile sig_atomic_t rescue_rests;

/* Signals that do not end a program by default, or cannot be caught. */
static bool
signal_is_harmless(int number)
{
    static const int harmless[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGCONT, SIGURG,
                                   SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH};

    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        if (harmless[i] == number) {
            return true;
        }
    }
    return false;
}

void
rescue_now(void)
{
    struct pollfd polled = {.fd = rescue.fd, .events = POLLOUT};
    struct termios flowing = rescue.modes;
    size_t n_done = 0;

    /* Output that the user has stopped with Ctrl-S goes on once that key means nothing. */
    flowing.c_iflag &= ~(tcflag_t)IXON;
    tcsetattr(rescue.fd, TCSANOW, &flowing);
    while (n_done < rescue.n_bytes && poll(&polled, 1, RESCUE_PATIENCE_MS) > 0) {
        ssize_t n = write(rescue.fd, rescue.text + n_done, rescue.n_bytes - n_done);

        if (n <= 0) {
            break;
        }
        n_done += (size_t)n;
    }
    tcsetattr(rescue.fd, TCSANOW, &rescue.modes);
}

/* All other signals are blocked: SIGTTOU, too, which would stop us in the background. */
static void
rescue_handle(int number)
{
    sigset_t this_one;

    if (getpid() == rescue.pid && !rescue_rests) {
        rescue_now();
    }
    signal(number, SIG_DFL);
    raise(number);
    sigemptyset(&this_one);
    sigaddset(&this_one, number);
    pthread_sigmask(SIG_UNBLOCK, &this_one, NULL);
    /* Not reached: the signal has ended us. */
    _exit(128 + number);
}

static void
rescue_change_handlers(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK}, before;

    sigfillset(&action.sa_mask);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (!signal_is_harmless(number) && sigaction(number, NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN) {
            sigaction(number, &action, NULL);
        }
    }
}

bool
rescue_begin(int fd, const char *text, size_t n_bytes)
{
    stack_t stack = {.ss_size = (size_t)SIGSTKSZ * 2};

    if (tcgetattr(fd, &rescue.modes) != 0) {
        return false;
    }
    rescue_rests = 0;
    rescue.fd = fd;
    rescue.pid = getpid();
    rescue.text = alloc_array(NULL, n_bytes, 1);
    memcpy(rescue.text, text, n_bytes);
    rescue.n_bytes = n_bytes;
    rescue.stack = alloc_array(NULL, stack.ss_size, 1);
    stack.ss_sp = rescue.stack;
    sigaltstack(&stack, NULL);
    rescue_change_handlers(rescue_handle);
    alloc_before_end(rescue_now);
    return true;
}

void
rescue_rest(void (*give_back)(void))
{
    sigset_t all, before;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    give_back();
    rescue_rests = 1;
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void
rescue_resume(void)
{
    rescue_rests = 0;
}

void
rescue_end(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    alloc_before_end(NULL);
    rescue_change_handlers(SIG_DFL);
    sigaltstack(&none, NULL);
    free(rescue.stack);
    free(rescue.text);
    rescue.stack = NULL;
    rescue.text = NULL;
}
