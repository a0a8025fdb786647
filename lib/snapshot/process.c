/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/process.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"

enum {
    STAT_FIELDS_TO_START = 20, /* spaces from the end of the name (field 2) to the start (22) */
};

static const uint64_t us_per_s = 1000000;

/* The end of field 2. The program's name may hold blanks and brackets: the last bracket ends it. */
static const char *
process_stat_name_end(const char *stat)
{
    return strrchr(stat, ')');
}

bool
process_stat_is_alive(const char *stat)
{
    const char *end = process_stat_name_end(stat);

    return end != NULL && end[1] == ' ' && strchr("ZXx", end[2]) == NULL;
}

uint64_t
process_stat_ticks(const char *stat)
{
    const char *at = process_stat_name_end(stat);
    int field;

    for (field = 0; at != NULL && field < STAT_FIELDS_TO_START; field++) {
        at = strchr(at + 1, ' ');
    }
    return at != NULL ? strtoull(at, NULL, 10) : 0;
}

/* Clock ticks from the start of the machine to that of this process; 0 if /proc does not tell. */
static uint64_t
process_start_ticks(void)
{
    char text[PROCESS_STAT_MAX];

    proc_read("/proc/self/stat", text, sizeof(text));
    return process_stat_ticks(text);
}

static uint64_t
process_start_compute(void)
{
    uint64_t ticks = process_start_ticks();
    uint64_t now_us = clock_exact_us();
    uint64_t up_us = clock_up_us();
    uint64_t start_us = ticks * us_per_s / (uint64_t)sysconf(_SC_CLK_TCK);

    /* A time namespace may shift boot time against the field: then the first call counts. */
    return ticks == 0 || start_us > up_us ? now_us : now_us - (up_us - start_us);
}

uint64_t
process_start_us(void)
{
    static pid_t pid;
    static uint64_t start_us;

    if (pid != getpid()) {
        start_us = process_start_compute();
        pid = getpid();
    }
    return start_us;
}
