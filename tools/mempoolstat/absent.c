/* SPDX-License-Identifier: Apache-2.0 */
#include "absent.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "proc.h"

void
absent_add(struct absent_list *list, const struct answer *answer, char *user)
{
    bool died = answer->state == ANSWER_GONE;
    struct absent absent = {
        .state = died              ? "died"
                 : answer->stopped ? "stopped"
                                   : "silent",
        .pid = answer->pid > 0 ? answer->pid : proc_pid_of_path(answer->target->path),
        .user = user,
        .program = answer->pid > 0 ? proc_program(answer->pid) : NULL,
        .origin = alloc_copy(answer->target->path),
    };
    size_t place = answer->stopped ? list->n_stopped++ : list->n_absents;

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
