/* SPDX-License-Identifier: Apache-2.0 */
/* program.c: a program, or a plugin, of the parts that -DPARTS=... names. C, and C++. */
#include <stddef.h>

#include "parts.h"

int
run_parts(void)
{
    part_fn *const parts[] = {PARTS};
    int wrong = 0;

    for (size_t i = 0; wrong == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        wrong = parts[i]();
    }
    return wrong;
}

int
main(void)
{
    return run_parts();
}
