/* SPDX-License-Identifier: Apache-2.0 */
#include <bsd/string.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "machine.h"

void
machine_cpu_name(char *name, size_t n)
{
    static const char key[] = "model name";
    FILE *cpuinfo = fopen("/proc/cpuinfo", "re");
    struct utsname kernel;
    char line[256];

    strlcpy(name, uname(&kernel) == 0 ? kernel.machine : "unknown CPU", n);
    while (cpuinfo != NULL && fgets(line, sizeof(line), cpuinfo) != NULL) {
        char *colon = strchr(line, ':');

        if (strncmp(line, key, strlen(key)) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            strlcpy(name, colon + 1 + strspn(colon + 1, " "), n);
            break;
        }
    }
    if (cpuinfo != NULL) {
        fclose(cpuinfo);
    }
}

int
machine_cpus(void)
{
    cpu_set_t allowed;

    return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}
