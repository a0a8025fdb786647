/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h: a process that reads snapshots of this one's pools, as mempoolstat does, when told to.
 */
#ifndef BENCH_READER_H
#define BENCH_READER_H

#include <stdint.h>

struct reader;

/** Registers n_pools small pools, exports them, and starts a reader of them. Dies if it cannot. */
struct reader *reader_new(uint32_t n_pools);

/** Tells the reader to read a snapshot, and does not wait for it. */
void reader_request(struct reader *reader);

/** Waits for the snapshot; its length in bytes. Dies if it is none. */
uint32_t reader_wait(struct reader *reader);

/** Ends the reader, the export and the pools. Returns NULL. */
struct reader *reader_free(struct reader *reader);

#endif
