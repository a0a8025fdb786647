/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tool.h"

bool tool_is_running;

/* 101 is the earliest priority that a program may use, so other constructors may use pools. */
__attribute__((constructor(101))) static void
tool_find_out(void)
{
    tool_is_running = RUNNING_ON_VALGRIND != 0;
}
