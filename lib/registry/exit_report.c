/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_report.c: reports what is wrong with pools when the program ends, for those who test it.
 *
 * Runs after the program's own exit handlers and destructors, as these may still put blocks. What
 * was wrong with an unregistered pool was reported then.
 */
#include <stdlib.h>

#include "base/compiler.h"
#include "check/check.h"
#include "check/exit_check.h"
#include "check/watch.h"
#include "registry/registry.h"

/* Where the reports have got to: a registration, and a block of it. Pools may come and go between
 * them. */
struct exit_walk {
    uint64_t id;
    uint32_t block;
};

/* Memcheck looks for lost blocks of registered pools. */
static void
exit_ask_memcheck(void)
{
    registry_enter();
    for (struct node *node = registry_first_any(); node != NULL; node = node->next) {
        if (node->keep.record != NULL) {
            check_keep_held(node->keep.record);
        }
    }
    registry_leave();
}

/* Notes the next thing that is wrong with a pool, or goes on to the next pool. */
static void
exit_note(const struct node *node, struct exit_walk *walk, struct faults *faults, struct held *held)
{
    const struct record *record = node->keep.record;

    if (node->identity.id > walk->id) {
        *walk = (struct exit_walk){node->identity.id, 0};
    }
    if (record != NULL) {
        walk->block = exit_check_damage(record, node->mp, walk->block, faults);
    }
    if (faults->n == 0) {
        *walk = (struct exit_walk){node->identity.id + 1, 0};
        if (record != NULL) {
            exit_check_leaks(record, node->mp, faults, held);
        }
    }
}

/* Notes the next thing that is wrong with any pool; false if there is none. Ids ascend along the
 * list. */
static bool
exit_note_next(struct exit_walk *walk, struct faults *faults, struct held *held)
{
    faults_begin(faults);
    registry_enter();
    for (struct node *node = registry_first_any(); node != NULL && faults->n == 0;
         node = node->next) {
        if (node->identity.id >= walk->id) {
            exit_note(node, walk, faults, held);
        }
    }
    registry_leave();
    return faults->n > 0;
}

/* Reports everything; true if there were leaks. */
static bool
exit_report_all(void)
{
    struct exit_walk walk = {0, 0};
    struct faults faults;
    struct held held;
    bool found = false;
    bool leaks = false;

    while (exit_note_next(&walk, &faults, &held)) {
        found = true;
        leaks |= faults.held != NULL;
        faults_report_exit(&faults);
    }
    if (found) {
        fault_abort_if_asked();
    }
    return leaks;
}

/* Whether blocks of an unregistered pool are still in use: its record ends with the last of them.
 */
static bool
exit_retired_leak(void)
{
    bool leaks = false;

    registry_enter();
    for (struct node *node = registry_first_over(); node != NULL; node = registry_next_over(node)) {
        /* Acquire: as in registry_keeps_nothing(). */
        leaks |= node->state == NODE_RETIRED &&
                 __atomic_load_n(&node->keep.record, __ATOMIC_ACQUIRE) != NULL;
    }
    registry_leave();
    return leaks;
}

/*
 * LeakSanitizer cannot see into pools, so the library does for them what it does for malloc. An
 * exit handler may call glibc's exit(): the remaining handlers run, and the last status counts.
 */
static void
exit_fail_with_asan(bool leaks)
{
    int code = watch_leak_exit_code();

    if (code != 0 && (leaks || exit_retired_leak())) {
        exit(code);
    }
}

__attribute__((destructor(102))) static void
exit_report(void)
{
    bool wants_leaks = watch_wants_leaks();
    bool leaks = false;

    if (watch_kind() == WATCH_MEMCHECK) {
        exit_ask_memcheck();
    }
    if (wants_leaks || fault_is_heard()) {
        leaks = exit_report_all();
    }
    if (wants_leaks) {
        exit_fail_with_asan(leaks);
    }
}
