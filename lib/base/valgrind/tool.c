/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tool.h"

#include <sys/mman.h>

#include "base/pages.h"

bool tool_is_running;

/* 101 is the earliest priority that a program may use, so other constructors may use pools. */
__attribute__((constructor(101))) static void
tool_find_out(void)
{
    tool_is_running = RUNNING_ON_VALGRIND != 0;
}

/* Memcheck's answer for bytes that are not accessible. */
enum { TOOL_INACCESSIBLE = 3 };

/* A byte, as Memcheck has it. */
struct tool_byte {
    unsigned char bits; /* which of its bits are undefined */
    bool is_accessible;
};

static struct tool_byte
tool_look(const char *byte)
{
    struct tool_byte look = {0, false};

    look.is_accessible = VALGRIND_GET_VBITS(byte, &look.bits, 1) != TOOL_INACCESSIBLE;
    return look;
}

void
tool_reveal_bytes(const void *bytes, size_t n)
{
    const char *first = bytes;

    for (size_t i = 0; i < n; i++) {
        if (!tool_look(&first[i]).is_accessible) {
            VALGRIND_MAKE_MEM_UNDEFINED(&first[i], 1);
        }
    }
}

static void
tool_restore(const char *byte, struct tool_byte look)
{
    if (look.is_accessible && !tool_look(byte).is_accessible) {
        VALGRIND_MAKE_MEM_UNDEFINED(byte, 1);
        VALGRIND_SET_VBITS(byte, &look.bits, 1);
    }
}

/* The end of a set makes its blocks inaccessible. Without memory for a copy they stay so. */
void
tool_forget_pool(const void *handle, const void *bytes, size_t n)
{
    const char *first = bytes;
    struct tool_byte *looks = n > 0 ? pages_map(n * sizeof(*looks)) : NULL;

    for (size_t i = 0; looks != NULL && i < n; i++) {
        looks[i] = tool_look(&first[i]);
    }
    tool_pool_end(handle);
    for (size_t i = 0; looks != NULL && i < n; i++) {
        tool_restore(&first[i], looks[i]);
    }
    if (looks != NULL) {
        munmap(looks, n * sizeof(*looks));
    }
}
