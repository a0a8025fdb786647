/* SPDX-License-Identifier: Apache-2.0 */
#include "top_view.h"

static const char *const lines[] = {
    "Keys of mempoolstat --top",
    "",
    "q            quit",
    "up, down     choose a pool; also k and j, page up and down, home and end",
    "Enter        show one pool, and who holds its blocks; Escape goes back",
    "/            filter: type a part of the name of a pool or a program, or of a",
    "             process's number; Enter keeps the filter, Escape drops it",
    "space        ask the processes now",
    "n b c f      sort by name, size of blocks, number of blocks, free blocks",
    "m u e t      sort by fewest free, use, failed gets (errors), rate (throughput)",
    "o            sort as the pools were registered",
    "r            turn the order round",
    "h or ?       this text; any key leaves it",
    "",
    "Yellow: few free blocks. Red: none, or faults.",
    "!: the process does not answer, the numbers are old. *: they may not add up.",
};

void
top_help_draw(const struct top_view *view)
{
    for (int i = 0; i < (int)(sizeof(lines) / sizeof(lines[0])); i++) {
        screen_put(i, 0, screen_columns(), lines[i], i == 0 ? SCREEN_BOLD : SCREEN_PLAIN);
    }
}
