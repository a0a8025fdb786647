/* SPDX-License-Identifier: Apache-2.0 */
#include "cell.h"

#include <inttypes.h>
#include <time.h>

#include "alloc.h"

char *
cell_count(int64_t count)
{
    return count == MODEL_ABSENT ? alloc_copy("-") : alloc_format("%" PRId64, count);
}

char *
cell_change(int64_t now, int64_t before)
{
    if (now == MODEL_ABSENT || before == MODEL_ABSENT) {
        return alloc_copy("-");
    }
    return alloc_format(now == before ? "%" PRId64 : "%+" PRId64, now - before);
}

char *
cell_use(const struct pool *pool)
{
    int64_t used = pool_used(pool), all = pool->num_blocks, permille;

    if (all == 0) {
        return alloc_copy("-");
    }
    /* A sum over millions of pools, times 1000, does not fit into 64 bits. */
    if (all <= INT64_MAX / 1000 || used == all) {
        permille = used == all ? 1000 : used * 1000 / all;
    } else {
        permille = used / (all / 1000 + 1);
    }
    return alloc_format("%" PRId64 ".%" PRId64, permille / 10, permille % 10);
}

char *
cell_rate(double rate)
{
    return rate < 0 ? alloc_copy("-") : alloc_format(rate < 100 ? "%.1f" : "%.0f", rate);
}

char *
cell_time(int64_t us)
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm broken_down;
    char text[32];

    if (us <= 0 || localtime_r(&seconds, &broken_down) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &broken_down) == 0) {
        return alloc_copy("");
    }
    return alloc_copy(text);
}

char *
cell_age(int64_t us)
{
    int64_t seconds = us / 1000000;

    if (us == MODEL_ABSENT) {
        return alloc_copy("-");
    }
    if (us < 10000) {
        return alloc_format("%" PRId64 "us", us);
    }
    if (us < 1000000) {
        return alloc_format("%" PRId64 "ms", us / 1000);
    }
    if (seconds < 100) {
        return alloc_format("%" PRId64 ".%" PRId64 "s", seconds, us / 100000 % 10);
    }
    if (seconds < 6000) {
        return alloc_format("%" PRId64 "m%02ds", seconds / 60, (int)(seconds % 60));
    }
    if (seconds < 360000) {
        return alloc_format("%" PRId64 "h%02dm", seconds / 3600, (int)(seconds / 60 % 60));
    }
    return alloc_format("%" PRId64 "d%02dh", seconds / 86400, (int)(seconds / 3600 % 24));
}
