/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dirlock.h: processes of one user take turns at changing what is in a directory.
 *
 * The lock is flock() on a file in there that this user alone can open. A lock on the directory
 * itself would be anybody's who may read it, and so would our start and our end. The file is there
 * while somebody holds the lock.
 *
 * Another user can keep us from making the file, where he may make files himself. Then there is no
 * lock, as on a file system that knows of none, and nobody waits for one.
 */
#ifndef OSMP_EXPORT_DIRLOCK_H
#define OSMP_EXPORT_DIRLOCK_H

#include <stdbool.h>

#include "export/fd.h"

struct dirlock {
    struct owned_fd file; /* none: no lock is held */
    int dir;
    char name[32];
};

/*
 * Takes the lock of an open directory, trying for so many milliseconds while another process of
 * this user has it. Returns 0, and a lock or none in *lock, or -ETIMEDOUT.
 */
int dirlock_take(struct dirlock *lock, int dir, int patience_ms);

bool dirlock_is_held(const struct dirlock *lock);

/* Gives it, if it is held. The directory is still open. */
void dirlock_give(struct dirlock *lock);

#endif
