/* SPDX-License-Identifier: Apache-2.0 */
#include "check/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "base/text.h"
#include "check/handler.h"
#include "check/report.h"
#include "check/throttle.h"
#include "check/track.h"
#include "layout/counts.h"
#include "layout/geometry.h"
#include "sync/running.h"

enum fault_mode { FAULT_COUNT, FAULT_LOG, FAULT_ABORT };

/* Written before main() and by a constructor alone. */
static enum fault_mode fault_mode;
static void (*fault_find)(struct osmempool_fault *fault);

static void
fault_complain(const char *value)
{
    struct text text = {0};

    text_add(&text, "osmempool: OSMEMPOOL_FAULT=");
    text_add_escaped(&text, value);
    text_add(&text, " ignored: set count, log or abort\n");
    text_write(&text);
}

__attribute__((constructor(101))) static void
fault_start(void)
{
    static const char *const names[] = {"count", "log", "abort"};
    const char *value = secure_getenv("OSMEMPOOL_FAULT");

    if (value == NULL || *value == '\0') {
        return;
    }
    for (int mode = FAULT_COUNT; mode <= FAULT_ABORT; mode++) {
        if (strcmp(value, names[mode]) == 0) {
            fault_mode = (enum fault_mode)mode;
            return;
        }
    }
    fault_complain(value);
}

void
fault_set_finder(void (*find)(struct osmempool_fault *fault))
{
    fault_find = find;
}

OSMP_PUBLIC void
osmempool_set_fault_handler(osmempool_fault_fn *fn, void *arg)
{
    handler_set((struct handler){fn, arg});
}

int
fault_kind_of_stray(const struct os_mempool *mp, const void *block)
{
    size_t offset;

    if (block == NULL) {
        return OSMEMPOOL_FAULT_NULL;
    }
    return geometry_find(mp, (uintptr_t)block, &offset) == UINT32_MAX ? OSMEMPOOL_FAULT_FOREIGN
                                                                      : OSMEMPOOL_FAULT_MISALIGNED;
}

/* A new one in the list, of which the pool's memory tells nothing; NULL if there is no room. */
static struct osmempool_fault *
fault_add(struct faults *faults, struct os_mempool *mp, uint64_t pool_id, int kind,
          const void *block)
{
    struct osmempool_fault *fault;

    faults->n++;
    if (faults->n_told == FAULTS_MAX) {
        return NULL;
    }
    faults->pool_ids[faults->n_told] = pool_id;
    fault = &faults->list[faults->n_told++];
    memset(fault, 0, sizeof(*fault));
    fault->size = sizeof(*fault);
    fault->kind = (enum osmempool_fault_kind)kind;
    fault->pool = mp;
    fault->block = (void *)(uintptr_t)block;
    fault->index = UINT32_MAX;
    return fault;
}

struct osmempool_fault *
fault_note(struct faults *faults, struct os_mempool *mp, int kind, const void *block)
{
    struct osmempool_fault *fault = fault_add(faults, mp, pool_tail(mp)->id, kind, block);

    counts_faults(mp, 1);
    if (fault != NULL) {
        memcpy(fault->pool_name, pool_tail(mp)->name, sizeof(fault->pool_name));
        fault->index = geometry_find(mp, (uintptr_t)block, &fault->offset);
    }
    return fault;
}

struct osmempool_fault *
fault_note_gone(struct faults *faults, struct os_mempool *mp, uint64_t pool_id, int kind,
                const char *name)
{
    struct osmempool_fault *fault = fault_add(faults, mp, pool_id, kind, NULL);

    if (fault != NULL) {
        strlcpy(fault->pool_name, name, sizeof(fault->pool_name));
    }
    return fault;
}

struct osmempool_fault *
fault_note_damaged_list(struct faults *faults, struct os_mempool *mp, const void *block,
                        uint32_t n_lost)
{
    struct osmempool_fault *fault = fault_note(faults, mp, OSMEMPOOL_FAULT_DAMAGED_LIST, block);

    if (fault != NULL) {
        fault->n_blocks = n_lost;
        fault->n_bytes = sizeof(osmp_word);
        memcpy(fault->found, block, sizeof(osmp_word));
    }
    return fault;
}

os_error_t
fault_refuse(struct faults *faults, struct os_mempool *mp, int kind, const void *block)
{
    counts_refuse(mp);
    fault_note(faults, mp, kind, block);
    return OS_INVALID_PARM;
}

/*
 * The handler to call, if there is one and the thread is not in it already: faults of the handler
 * itself are not handed to it.
 */
static struct handler
fault_get_handler(uintptr_t frame)
{
    struct handler handler = handler_get();

    if (handler.fn != NULL && running_has(&fault_mode, (void *)osmp_thread_pointer(), frame)) {
        handler.fn = NULL;
    }
    return handler;
}

/*
 * Calls the handler, noted as running in this thread. It may go on in another one, as part of a
 * coroutine, so nothing of the thread's is touched after it.
 */
static void
fault_call(struct handler handler, struct osmempool_fault *fault, uintptr_t frame)
{
    struct running running =
        running_begin(RUNNING_CALL, &fault_mode, (void *)osmp_thread_pointer(), frame);

    handler.fn(fault, handler.arg);
    running_end(running);
}

/* Whether number i is written to standard error; *seen becomes how many of its like there were. */
static bool
fault_is_printed(const struct faults *faults, uint32_t i, size_t *seen)
{
    const struct osmempool_fault *fault = &faults->list[i];

    if (fault_mode == FAULT_COUNT && !faults->aloud) {
        return false;
    }
    *seen = throttle_count(fault->kind, faults->pool_ids[i], fault->caller);
    return throttle_prints(*seen);
}

/* Hands number i to all who want to hear of it; whether it was written to standard error. */
static bool
fault_report(struct faults *faults, uint32_t i, struct handler handler, uintptr_t frame)
{
    struct osmempool_fault *fault = &faults->list[i];
    size_t seen = 0;
    bool printed = fault_is_printed(faults, i, &seen);

    if (fault->kind == OSMEMPOOL_FAULT_FOREIGN && fault_find != NULL &&
        (printed || handler.fn != NULL)) {
        fault_find(fault);
    }
    if (handler.fn != NULL) {
        fault_call(handler, fault, frame);
    }
    if (printed) {
        report_fault(fault, faults->held, seen);
    }
    return printed;
}

static void
faults_tell_all(struct faults *faults, const void *caller)
{
    const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    const struct handler handler = fault_get_handler(frame);
    const uint32_t thread = track_thread();
    bool printed = false;

    if (faults->unfenced) {
        report_unfenced(faults->unfenced_name);
    }
    if (faults->n == 0 || (handler.fn == NULL && fault_mode == FAULT_COUNT && !faults->aloud)) {
        return;
    }
    for (uint32_t i = 0; i < faults->n_told; i++) {
        faults->list[i].caller = (void *)(uintptr_t)caller;
        faults->list[i].thread = thread;
        printed |= fault_report(faults, i, handler, frame);
    }
    if (faults->n > faults->n_told && printed) {
        report_more(faults->n - faults->n_told);
    }
}

void
fault_abort_if_asked(void)
{
    if (fault_mode == FAULT_ABORT) {
        abort();
    }
}

bool
fault_is_heard(void)
{
    return fault_mode != FAULT_COUNT || handler_get().fn != NULL;
}

/* A function of its own: the compiler takes the address of errno for a constant, but it is another
 * thread's if the handler went on there. */
static OSMP_COLD void
fault_restore_errno(int saved)
{
    errno = saved;
}

/* errno stays as it was, whatever the handler does. */
void
faults_report_all(struct faults *faults, const void *caller)
{
    int saved = errno;

    faults_tell_all(faults, caller);
    if (faults->n > 0) {
        fault_abort_if_asked();
    }
    fault_restore_errno(saved);
}

void
faults_report_exit(struct faults *faults)
{
    faults_tell_all(faults, NULL);
}

os_error_t
fault_no_pool(struct os_mempool *mp, const void *block, const void *caller)
{
    struct faults faults;

    faults_begin(&faults);
    fault_add(&faults, mp, 0, OSMEMPOOL_FAULT_NULL, block);
    faults_report_all(&faults, caller);
    return OS_INVALID_PARM;
}
