/* SPDX-License-Identifier: Apache-2.0 */
#include "check/track.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

/* Asked once for each thread: the call costs more than all the rest of a trace. */
static _Thread_local uint32_t track_own_thread;

uint32_t
track_thread(void)
{
    if (track_own_thread == 0) {
        track_own_thread = (uint32_t)syscall(SYS_gettid);
    }
    return track_own_thread;
}

void
track_fork_child(void)
{
    track_own_thread = 0;
}

void
track_set(struct trace_end *end, const void *caller)
{
    *end = (struct trace_end){(uintptr_t)caller, clock_steady_us(), track_thread()};
}

void
track_tell(struct osmempool_trace *told, const struct trace_end *end)
{
    if (end->caller != 0) {
        told->caller = (void *)end->caller;
        told->age_us = clock_steady_us() - end->us;
        told->thread = end->thread;
    }
}

static struct held_site *
track_site(struct held *held, uintptr_t caller)
{
    for (uint32_t i = 0; i < held->n_sites; i++) {
        if (held->sites[i].caller == caller) {
            return &held->sites[i];
        }
    }
    if (held->n_sites == HELD_SITES) {
        return NULL;
    }
    held->sites[held->n_sites] = (struct held_site){.caller = caller, .oldest_us = UINT64_MAX};
    return &held->sites[held->n_sites++];
}

void
track_add_held(struct held *held, const struct trace_end *get)
{
    struct held_site *site = track_site(held, get->caller);

    if (site == NULL) {
        held->n_others++;
        return;
    }
    site->n++;
    if (get->us < site->oldest_us) {
        site->oldest_us = get->us;
        site->thread = get->thread;
    }
}
