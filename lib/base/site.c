/* SPDX-License-Identifier: Apache-2.0 */
#include "base/site.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "base/proc.h"
#include "os/os_mempool.h"

struct site_search {
    uintptr_t address;
    struct site *site;
};

/* The main program has no name in the loader's list. */
static void
site_set_module(struct site *site, const char *path)
{
    char link[sizeof("/proc/thread-self/exe")];
    ssize_t n;

    if (path[0] != '\0') {
        strlcpy(site->module, path, sizeof(site->module));
        return;
    }
    snprintf(link, sizeof(link), "%s/exe", proc_self());
    n = readlink(link, site->module, sizeof(site->module) - 1);
    site->module[n > 0 ? n : 0] = '\0';
}

static bool
site_is_in(const struct dl_phdr_info *info, uintptr_t address)
{
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];

        if (part->p_type == PT_LOAD &&
            address - (info->dlpi_addr + part->p_vaddr) < part->p_memsz) {
            return true;
        }
    }
    return false;
}

static int
site_look(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct site_search *search = arg;

    if (!site_is_in(info, search->address)) {
        return 0;
    }
    search->site->offset = search->address - info->dlpi_addr;
    site_set_module(search->site, info->dlpi_name);
    return 1;
}

/* The API's name where there is one: programs and other libraries that define its functions, to
 * come before this library's, export them under the same symbols. */
static const char *
site_function_name(const char *symbol)
{
    const size_t prefix = strlen(OSMEMPOOL_SYMBOL());
    bool is_api = symbol != NULL && strncmp(symbol, OSMEMPOOL_SYMBOL(os_), prefix + 3) == 0;

    return is_api ? symbol + prefix : symbol;
}

/* A call may be the last instruction of its function, so the byte before is looked up. */
void
site_find(struct site *site, const void *return_address)
{
    struct site_search search = {(uintptr_t)return_address - 1, site};
    Dl_info info;

    site->offset = search.address;
    site->function = NULL;
    site->module[0] = '\0';
    if (dl_iterate_phdr(site_look, &search) != 0 && dladdr((void *)search.address, &info) != 0) {
        site->function = site_function_name(info.dli_sname);
    }
}
