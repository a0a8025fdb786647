/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

/* Macros such as clear and erase would take our names for theirs. */
#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "message.h"
#include "output.h"
#include "rescue.h"
#include "terminal.h"
#include "text.h"

/* Long enough for the rest of a key's sequence from far away. */
#define SCREEN_ESCAPE_MS 50

static SCREEN *screen;
static bool screen_unicode;

/* Set by a handler, and only while screen_wait() sleeps: these signals are blocked otherwise. */
static volatile sig_atomic_t resized, stopped, continued;

static void
screen_note_signal(int number)
{
    if (number == SIGWINCH) {
        resized = 1;
    } else if (number == SIGTSTP) {
        stopped = 1;
    } else {
        continued = 1;
    }
}

static const int noted_signals[] = {SIGWINCH, SIGTSTP, SIGCONT};

#define N_NOTED_SIGNALS (sizeof(noted_signals) / sizeof(noted_signals[0]))

static void
noted_signals_mask(int how)
{
    sigset_t noted;

    sigemptyset(&noted);
    for (size_t i = 0; i < N_NOTED_SIGNALS; i++) {
        sigaddset(&noted, noted_signals[i]);
    }
    sigprocmask(how, &noted, NULL);
}

static void
noted_signals_catch(void)
{
    struct sigaction action = {.sa_handler = screen_note_signal}, before;

    noted_signals_mask(SIG_BLOCK);
    for (size_t i = 0; i < N_NOTED_SIGNALS; i++) {
        /* A shell without job control has SIGTSTP ignored. */
        if (sigaction(noted_signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(noted_signals[i], &action, NULL);
        }
    }
}

static void
noted_signals_release(void)
{
    for (size_t i = 0; i < N_NOTED_SIGNALS; i++) {
        signal(noted_signals[i], SIG_DFL);
    }
    noted_signals_mask(SIG_UNBLOCK);
}

static void
screen_set_modes(void)
{
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(SCREEN_ESCAPE_MS);
    curs_set(0);
    if (output_takes_colour() && has_colors() && start_color() == OK) {
        use_default_colors();
        init_pair(1, COLOR_YELLOW, -1);
        init_pair(2, COLOR_RED, -1);
    }
}

bool
screen_begin(void)
{
    const char *leaving;
    size_t n_leaving = terminal_leaving(&leaving);

    noted_signals_catch();
    if (!rescue_begin(STDOUT_FILENO, leaving, n_leaving)) {
        noted_signals_release();
        message_print("the terminal has no modes: %s", strerror(errno));
        return false;
    }
    screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) {
        rescue_end();
        noted_signals_release();
        message_print("the terminal cannot be used");
        return false;
    }
    screen_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    screen_set_modes();
    return true;
}

static void
screen_leave(void)
{
    endwin();
}

void
screen_end(void)
{
    rescue_rest(screen_leave);
    rescue_end();
    noted_signals_release();
    delscreen(screen);
}

static void
screen_resize(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        resizeterm(size.ws_row, size.ws_col);
    }
    clearok(curscr, TRUE);
}

/* Gives the terminal to the shell, and stops. Returns when the process is continued. */
static void
screen_stop(void)
{
    sigset_t stop;

    rescue_rest(screen_leave);
    signal(SIGTSTP, SIG_DFL);
    raise(SIGTSTP);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    /* Here the process stands still. */
    noted_signals_catch();
    rescue_resume();
    /* Enters the full screen again, since it was left by endwin(). */
    refresh();
}

static void
screen_answer_signals(void)
{
    if (stopped) {
        stopped = 0;
        screen_stop();
        continued = resized = 1;
    }
    if (continued) {
        /* After SIGSTOP: whoever had the terminal meanwhile has changed its modes. */
        continued = 0;
        reset_prog_mode();
        resized = 1;
    }
    if (resized) {
        resized = 0;
        screen_resize();
    }
}

bool
screen_wait(int fd, int64_t then_ns)
{
    struct pollfd polled[] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = fd, .events = POLLIN},
    };
    int64_t rest_ns = then_ns - clock_now_ns();
    struct timespec rest = {0};
    sigset_t mask;

    if (rest_ns > 0) {
        rest = (struct timespec){rest_ns / 1000000000, rest_ns % 1000000000};
    }
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (size_t i = 0; i < N_NOTED_SIGNALS; i++) {
        sigdelset(&mask, noted_signals[i]);
    }
    if (ppoll(polled, 2, &rest, &mask) < 0) {
        polled[0].revents = 0;
    }
    screen_answer_signals();
    return (polled[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

long
screen_read_key(void)
{
    static const struct {
        wint_t curses;
        long key;
    } keys[] = {
        {KEY_UP, KEYS_UP},       {KEY_DOWN, KEYS_DOWN},    {KEY_PPAGE, KEYS_PAGE_UP},
        {KEY_HOME, KEYS_HOME},   {KEY_END, KEYS_END},      {KEY_NPAGE, KEYS_PAGE_DOWN},
        {KEY_ENTER, KEYS_ENTER}, {KEY_DC, KEYS_BACKSPACE}, {KEY_BACKSPACE, KEYS_BACKSPACE},
        {KEY_LL, KEYS_END},
    };
    wint_t key = 0;
    int kind = get_wch(&key);

    if (kind == ERR) {
        return 0;
    }
    if (kind == KEY_CODE_YES) {
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
            if (keys[i].curses == key) {
                return keys[i].key;
            }
        }
        return KEYS_OTHER;
    }
    switch (key) {
    case '\r':
    case '\n':
        return KEYS_ENTER;
    case 0x1b:
        return KEYS_ESCAPE;
    case '\b':
    case 0x7f:
        return KEYS_BACKSPACE;
    default:
        return key > 0 ? (long)key : KEYS_OTHER;
    }
}

int
screen_lines(void)
{
    return LINES > 0 ? LINES : 1;
}

int
screen_columns(void)
{
    return COLS > 0 ? COLS : 1;
}

void
screen_clear(void)
{
    werase(stdscr);
}

void
screen_show(void)
{
    wrefresh(stdscr);
}

static attr_t
screen_attributes(enum screen_style style)
{
    bool coloured = output_takes_colour() && has_colors();

    switch (style) {
    case SCREEN_BOLD:
        return A_BOLD;
    case SCREEN_REVERSE:
        return A_REVERSE;
    case SCREEN_DIM:
        return A_DIM;
    case SCREEN_YELLOW:
        return coloured ? (attr_t)COLOR_PAIR(1) : A_NORMAL;
    case SCREEN_RED:
        return coloured ? (attr_t)COLOR_PAIR(2) : A_BOLD;
    default:
        return A_NORMAL;
    }
}

/* Draws what fits, from a column on. */
static void
screen_draw(int line, int column, int width, const char *text, enum screen_style style)
{
    size_t room = (size_t)width;
    size_t n_bytes = text_fit(text, room);
    bool cut = text[n_bytes] != '\0';

    if (cut) {
        n_bytes = text_fit(text, room - 1);
    }
    wattrset(stdscr, (int)screen_attributes(style));
    mvwaddnstr(stdscr, line, column, text, (int)n_bytes);
    if (cut) {
        waddstr(stdscr, "~");
    }
    wattrset(stdscr, A_NORMAL);
}

void
screen_put(int line, int column, int width, const char *text, enum screen_style style)
{
    int room = screen_columns() - column;

    width = width < room ? width : room;
    if (width > 0 && line >= 0 && line < screen_lines()) {
        screen_draw(line, column, width, text, style);
    }
}

void
screen_put_right(int line, int column, int width, const char *text, enum screen_style style)
{
    int columns = (int)text_columns(text);
    int indent = columns < width ? width - columns : 0;

    screen_put(line, column + indent, width - indent, text, style);
}

void
screen_paint(int line, enum screen_style style)
{
    if (line >= 0 && line < screen_lines()) {
        mvwchgat(stdscr, line, 0, -1, screen_attributes(style), 0, NULL);
    }
}

bool
screen_has_unicode(void)
{
    return screen_unicode;
}
