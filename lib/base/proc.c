/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cancel.h"

bool
proc_read(const char *path, char *text, size_t room)
{
    int cancel = cancel_off();
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        n = read(fd, text, room - 1);
        close(fd);
    }
    cancel_back(cancel);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* /proc/self where it will do: kernels before 3.17 and emulators of processors know no other. */
const char *
proc_self(void)
{
    return access("/proc/self/exe", F_OK) == 0 ? "/proc/self" : "/proc/thread-self";
}
