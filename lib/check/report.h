/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h: faults as text on standard error, for who reads it at night.
 *
 * Synchronization: any thread, with no lock held.
 */
#ifndef OSMP_CHECK_REPORT_H
#define OSMP_CHECK_REPORT_H

#include <stddef.h>

#include "check/held.h"
#include "osmempool.h"

/* A fault; without a caller it was found at exit. `held` says who holds the blocks that are in use,
 * or is NULL; `seen` is throttle.h's count of this report. */
void report_fault(const struct osmempool_fault *fault, const struct held *held, size_t seen);

/* The call found so many more. */
void report_more(uint32_t n);

/* Why a pool has no fence, and has poison instead. Said of the first such pool of a process: where
 * one gets none, the next one hardly ever does. */
void report_unfenced(const char *pool_name);

#endif
