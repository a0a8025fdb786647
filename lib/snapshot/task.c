/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/task.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "registry/registry.h"
#include "registry/visit.h"
#include "snapshot/document.h"
#include "snapshot/holders.h"
#include "snapshot/origin.h"

/* A spare place also keeps the size above 0. */
enum { TASK_SPARE = 16, TASK_STEP_US = 5000 };

struct task_kind {
    const char *rows; /* the member of the document that holds a row for each pool */
    void (*visit)(struct visit *visit);
    void (*write_row)(struct json *json, struct origins *origins, const struct visit *visit);
};

struct task {
    const struct task_kind *kind;
    size_t n_visits;
    size_t n_left;
    size_t next; /* where the next step goes on, so that a slow pool does not shut out others */
    struct visit visits[];
};

static void
task_write_check(struct json *json, struct origins *origins, const struct visit *visit)
{
    const struct pool_damage *damage = &visit->damage;
    char address[sizeof("0x") + 2 * sizeof(damage->address)];

    json_key_string(json, "result", damage->what == NULL ? "sane" : "damaged");
    if (damage->what != NULL) {
        json_key_string(json, "what", damage->what);
    }
    if (damage->has_block) {
        json_key_u64(json, "block", damage->block);
        snprintf(address, sizeof(address), "0x%jx", (uintmax_t)damage->address);
        json_key_string(json, "address", address);
    }
}

static void
task_write_reset_min(struct json *json, struct origins *origins, const struct visit *visit)
{
    json_key_u64(json, "min_free", visit->min_free);
}

static void
task_write_holders(struct json *json, struct origins *origins, const struct visit *visit)
{
    holders_write(json, &visit->holders);
    origin_write_identity(json, origins, &visit->identity);
}

const struct task_kind task_holders = {"holders", visit_holders, task_write_holders};
const struct task_kind task_check = {"checks", visit_check, task_write_check};
const struct task_kind task_reset_min = {"reset", visit_reset_min, task_write_reset_min};

static struct task *
task_new(size_t room)
{
    size_t bytes;

    if (__builtin_mul_overflow(room, sizeof(struct visit), &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct task), &bytes)) {
        return NULL;
    }
    return malloc(bytes);
}

/* Memory is had before the registry is entered; an eighth more at each turn. */
static struct task *
task_list_all(void)
{
    struct task *task = NULL;
    size_t n = registry_count();
    size_t room;

    do {
        room = n + n / 8 + TASK_SPARE;
        free(task);
        task = task_new(room);
        if (task == NULL) {
            return NULL;
        }
        n = visit_all(task->visits, room);
    } while (n > room);
    task->n_visits = n;
    return task;
}

struct task *
task_begin(const struct task_kind *kind, const char *glob)
{
    struct task *task = task_list_all();
    size_t n = 0;
    size_t i;

    if (task == NULL) {
        return NULL;
    }
    for (i = 0; i < task->n_visits; i++) {
        if (fnmatch(glob, task->visits[i].name, 0) == 0) {
            task->visits[n++] = task->visits[i];
        }
    }
    task->kind = kind;
    task->n_visits = task->n_left = n;
    task->next = 0;
    return task;
}

bool
task_step(struct task *task)
{
    const uint64_t until_us = clock_steady_us() + TASK_STEP_US;
    size_t n;

    for (n = 0; n < task->n_visits && task->n_left > 0 && clock_steady_us() < until_us; n++) {
        struct visit *visit = &task->visits[task->next];

        task->next = task->next + 1 < task->n_visits ? task->next + 1 : 0;
        if (visit->state == VISIT_BUSY) {
            task->kind->visit(visit);
            task->n_left -= visit->state != VISIT_BUSY;
        }
    }
    return task->n_left == 0;
}

static void
task_write_row(struct json *json, struct origins *origins, const struct task *task,
               const struct visit *visit)
{
    if (visit->state == VISIT_GONE) {
        return;
    }
    json_open(json, '{');
    json_key_string(json, "name", visit->name);
    if (visit->state == VISIT_BUSY) {
        json_key_string(json, "result", "busy");
    } else {
        task->kind->write_row(json, origins, visit);
    }
    json_close(json, '}');
}

void
task_write(struct json *json, const struct task *task)
{
    struct origins origins = {0};
    size_t i;

    json_open(json, '{');
    document_write_head(json);
    json_key(json, task->kind->rows);
    json_open(json, '[');
    for (i = 0; i < task->n_visits; i++) {
        task_write_row(json, &origins, task, &task->visits[i]);
    }
    json_close(json, ']');
    json_close(json, '}');
}

void
task_end(struct task *task)
{
    size_t i;

    for (i = 0; task != NULL && i < task->n_visits; i++) {
        visit_holders_end(&task->visits[i].holders);
    }
    free(task);
}
