/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h: the parts of programs, each in a file that has one of the two headers. */
#ifndef OSMP_TESTS_PARTS_H
#define OSMP_TESTS_PARTS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Returns 0 if what it uses is what its header says. */
typedef int part_fn(void);

part_fn ours, theirs;

/* Ten gets and puts, from another file, of the pool of ours(), which has run. */
part_fn ours_ten_times;

/* Runs the parts that a program or plugin has. */
part_fn run_parts;

#ifdef __cplusplus
}
#endif

#endif
