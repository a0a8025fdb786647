/* SPDX-License-Identifier: Apache-2.0 */
#include "absent.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "proc.h"

/*
 * Who has left a socket behind at which nobody listens. A process that began after it was made only
 * has the number of the one that made it.
 */
static const char *
absent_left(const struct target *target, pid_t pid)
{
    return pid > 0 && proc_is_since(pid, target->owner, target->made) ? "closed" : "died";
}

void
absent_add(struct absent_list *list, const struct answer *answer, char *user)
{
    pid_t pid = answer->pid > 0 ? answer->pid : proc_pid_of_path(answer->target->path);
    static const char *const halts[] = {
        [HALT_NONE] = "silent", [HALT_STOPPED] = "stopped", [HALT_TRACED] = "traced"};
    struct absent absent = {
        .state =
            answer->state == ANSWER_GONE ? absent_left(answer->target, pid) : halts[answer->halt],
        .pid = pid,
        .user = user,
        .program = answer->pid > 0 ? proc_program(answer->pid) : NULL,
        .origin = alloc_copy(answer->target->path),
    };
    size_t place = answer->halt != HALT_NONE ? list->n_stopped++ : list->n_absents;

    list->absents = alloc_array(list->absents, list->n_absents + 1, sizeof(absent));
    memmove(&list->absents[place + 1], &list->absents[place],
            (list->n_absents - place) * sizeof(absent));
    list->absents[place] = absent;
    list->n_absents++;
}

void
absent_clear(struct absent_list *list)
{
    for (size_t i = 0; i < list->n_absents; i++) {
        free(list->absents[i].user);
        free(list->absents[i].program);
        free(list->absents[i].origin);
    }
    free(list->absents);
    *list = (struct absent_list){0};
}
