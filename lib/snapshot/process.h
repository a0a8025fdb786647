/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h: what a document says of the process itself.
 *
 * Synchronization: process_start_us() remembers what it found and is called by one thread at a
 * time (the exporter's).
 */
#ifndef OSMP_SNAPSHOT_PROCESS_H
#define OSMP_SNAPSHOT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * When this process began, in microseconds since 1970. The same at every call of a process; a
 * forked child has its own. Where /proc cannot be read, it is the time of the first call.
 */
uint64_t process_start_us(void);

/* Room for the beginning of a text like that of /proc/PID/stat, as far as it is used. */
enum { PROCESS_STAT_MAX = 1024 };

/* Whether such a text is that of a process or a thread which has not ended. */
bool process_stat_is_alive(const char *stat);

/*
 * The field of a text like that of /proc/PID/stat which holds the start in clock ticks since the
 * machine's; 0 if it is not there. For process.c and its test.
 */
uint64_t process_stat_ticks(const char *stat);

#endif
