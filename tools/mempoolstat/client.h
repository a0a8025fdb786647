/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h: asks many processes at once. None can hold the others up, and no user those of others:
 * each exchange has a deadline, each user a share of descriptors, text and memory, and all of them
 * together have limits.
 */
#ifndef MEMPOOLSTAT_CLIENT_H
#define MEMPOOLSTAT_CLIENT_H

#include <stddef.h>

#include "answer.h"
#include "discover.h"
#include "request.h"

/** Lets the program have as many descriptors as the system allows it. To be called once. */
void client_raise_limit(void);

/**
 * Sends each target the request.
 *
 * @param answers   One for each target, in the same order, which are filled in.
 * @param n_memory  The memory that earlier answers take which are still there.
 */
void client_ask(const struct target_list *targets, const struct request *request,
                struct answer *answers, size_t n_memory);

#endif
