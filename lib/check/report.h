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

/* A fault; with it who holds the blocks that are out, or NULL. It is the one of this number of
 * those that throttle.h takes for the same. */
void report_fault(const struct osmempool_fault *fault, const struct held *held, size_t seen);

/* The call found so many more. */
void report_more(uint32_t n);

/* Blocks are out at the end of the program. */
void report_exit(const struct held *held);

/* Why a pool has no fence, and has poison instead. Said of the first such pool of a process: where
 * one gets none, the next one hardly ever does. */
void report_unfenced(const char *pool_name);

#endif
