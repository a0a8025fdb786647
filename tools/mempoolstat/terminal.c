/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"

/* term.h makes macros of words such as lines and columns: no header of ours behind it. */
#include "message.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

/* Filled by tputs(), through leaving_add(). */
static char leaving[512];
static size_t n_leaving;

static int
leaving_add(int byte)
{
    if (n_leaving < sizeof(leaving)) {
        leaving[n_leaving++] = (char)byte;
    }
    return byte;
}

/* What the terminal calls a capability; NULL if it lacks it. */
static const char *
capability(const char *name)
{
    const char *text = tigetstr(name);

    return text != (const char *)-1 ? text : NULL;
}

static void
leaving_add_text(const char *text)
{
    if (text != NULL) {
        tputs(text, 1, leaving_add);
    }
}

static void
leaving_make(void)
{
    static const char *const names[] = {"rmir", "rmacs", "sgr0", "op", "rmkx", "cnorm"};
    const char *region = capability("csr");

    n_leaving = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        leaving_add_text(capability(names[i]));
    }
    /* A part of the screen may be set to scroll alone. So begins the sequence of ECMA-48. */
    if (region != NULL && strncmp(region, "\x1b[", 2) == 0) {
        leaving_add_text("\x1b[r");
    }
    if (capability("rmcup") != NULL) {
        leaving_add_text(capability("rmcup"));
    } else {
        /* Without a second screen the shell goes on below what was drawn. */
        leaving_add_text(tparm(capability("cup"), 998, 0));
        leaving_add_text("\r\n");
    }
}

bool
terminal_is_fit(void)
{
    const char *name = getenv("TERM");
    bool fit;
    int error;

    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) {
        message_print("--top needs a terminal for its input and its output; -d reports to a file "
                      "or a pipe");
        return false;
    }
    if (name == NULL || name[0] == '\0' || setupterm(NULL, STDOUT_FILENO, &error) != OK) {
        message_print("--top does not know the terminal '%s' (TERM); -d reports line by line",
                      name != NULL ? name : "");
        return false;
    }
    fit = capability("cup") != NULL;
    if (fit) {
        leaving_make();
    } else {
        message_print("--top needs a terminal whose cursor can be moved, which '%s' (TERM) is not; "
                      "-d reports line by line",
                      name);
    }
    del_curterm(cur_term);
    return fit;
}

size_t
terminal_leaving(const char **text)
{
    *text = leaving;
    return n_leaving;
}
