/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.h: faults, from where they are found to those who want to hear of them.
 *
 * A section notes what it finds in a struct faults of its caller; the caller leaves the section and
 * then reports. A report calls the program's handler and, if OSMEMPOOL_FAULT says so, writes a text
 * to standard error and aborts. Neither allocates memory.
 *
 * Synchronization: notes inside a section of the pool; reports with no lock held.
 */
#ifndef OSMP_CHECK_FAULT_H
#define OSMP_CHECK_FAULT_H

#include <stdbool.h>

#include "base/compiler.h"
#include "check/held.h"
#include "osmempool.h"

/* Of the faults of one call all are counted, and so many told. */
enum { FAULTS_MAX = 4 };

struct faults {
    uint32_t n;      /* found */
    uint32_t n_told; /* of them in the list */
    bool unfenced;   /* this pool's fence was given up, which is no fault */
    char unfenced_name[OS_MEMPOOL_INFO_NAME_LEN];
    bool aloud; /* written to standard error in any case */
    const struct held
        *held; /* who has the blocks of a fault BLOCKS_OUT; NULL if nothing is known */
    struct osmempool_fault list[FAULTS_MAX];
    uint64_t pool_ids[FAULTS_MAX]; /* of the registrations of their pools; 0 for none */
};

/* The list's bytes are set as faults are noted: most calls note none. */
static inline void
faults_begin(struct faults *faults)
{
    faults->n = 0;
    faults->n_told = 0;
    faults->unfenced = false;
    faults->aloud = false;
    faults->held = NULL;
}

/* Notes and counts a fault of a block; NULL if the list is full. The caller fills in the rest. */
OSMP_COLD struct osmempool_fault *
fault_note(struct faults *faults, struct os_mempool *mp, int kind, const void *block);

/* Notes that the list ends in the middle, at a block whose link leads nowhere; as fault_note(). */
OSMP_COLD struct osmempool_fault *
fault_note_damaged_list(struct faults *faults, struct os_mempool *mp, const void *block,
                        uint32_t n_lost);

/*
 * Notes a fault of a pool whose struct is not read or written, as it may be gone: the fault is not
 * counted there. NULL if the list is full.
 */
OSMP_COLD struct osmempool_fault *fault_note_gone(struct faults *faults, struct os_mempool *mp,
                                                  uint64_t pool_id, int kind, const char *name);

/* Notes a put that is refused, and counts it as such, too; OS_INVALID_PARM. */
OSMP_COLD os_error_t fault_refuse(struct faults *faults, struct os_mempool *mp, int kind,
                                  const void *block);

/* A put to no pool at all: mp is NULL. Reports at once; OS_INVALID_PARM. (It has put's arguments,
 * so that put, whose plain path is short, need not move them.) */
OSMP_COLD os_error_t fault_no_pool(struct os_mempool *mp, const void *block, const void *caller);

/* What is wrong with an address that is no block of the pool. */
OSMP_COLD int fault_kind_of_stray(const struct os_mempool *mp, const void *block);

/* Reports what was noted. The pool may be gone. */
OSMP_COLD void faults_report_all(struct faults *faults, const void *caller);

static inline void
faults_report(struct faults *faults, const void *caller)
{
    if (osmp_unlikely(faults->n > 0 || faults->unfenced)) {
        faults_report_all(faults, caller);
    }
}

/* The same for what no call found, when the program ends; does not abort. */
OSMP_COLD void faults_report_exit(struct faults *faults);

/* Ends the program if OSMEMPOOL_FAULT says so. */
OSMP_COLD void fault_abort_if_asked(void);

/* Whether anybody wants to hear of faults: a handler is set, or OSMEMPOOL_FAULT=log|abort. */
bool fault_is_heard(void);

/* What finds the registered pool that an address is in and fills in the fault's last members. */
void fault_set_finder(void (*find)(struct osmempool_fault *fault));

#endif
