/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <string.h>

#include "alloc.h"
#include "model.h"

static void
history_add(struct history *history, int64_t permille)
{
    history->permille[history->next] = (uint16_t)permille;
    history->next = (history->next + 1) % HISTORY_LENGTH;
    history->n += history->n < HISTORY_LENGTH;
}

static void
match_history(struct pool *pool, struct pool *earlier, void *arg)
{
    if (pool != NULL && earlier != NULL) {
        pool->history = earlier->history;
        earlier->history = NULL;
    }
}

static void
process_follow(struct process *process)
{
    for (size_t i = 0; i < process->n_pools; i++) {
        struct pool *pool = &process->pools[i];

        if (pool->history == NULL) {
            pool->history = alloc_array(NULL, 1, sizeof(*pool->history));
            memset(pool->history, 0, sizeof(*pool->history));
        }
        history_add(pool->history,
                    pool->num_blocks > 0 ? pool_used(pool) * 1000 / pool->num_blocks : 0);
    }
}

void
history_follow(struct report *report, const struct report *earlier)
{
    for (size_t i = 0; i < report->n_shown; i++) {
        struct process *process = report->processes[i];
        struct process *before = report_find(earlier, process);

        if (before != NULL) {
            process_match(process, before, match_history, NULL);
        }
        process_follow(process);
    }
}

int
history_at(const struct history *history, size_t n)
{
    if (n >= history->n) {
        return -1;
    }
    return history->permille[(history->next + HISTORY_LENGTH - 1 - n) % HISTORY_LENGTH];
}
