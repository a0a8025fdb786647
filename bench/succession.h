/* SPDX-License-Identifier: Apache-2.0 */
/*
 * succession.h: one thread uses a pool, then another for good: how soon is the second as fast?
 */
#ifndef BENCH_SUCCESSION_H
#define BENCH_SUCCESSION_H

#include "cases.h"
#include "engine.h"

/** Operations (a get or a put is one) that the second thread is watched for. */
#define SUCCESSION_OPERATIONS_MAX 400000

/**
 * Lets the calling thread work on a new pool, then a new thread.
 *
 * @return  Operations of the second thread after which it works at 1.1 x the first one's time or
 *          less; SUCCESSION_OPERATIONS_MAX if it never did.
 */
uint32_t succession_operations(const struct engine *engine, const struct bench_case *what);

#endif
