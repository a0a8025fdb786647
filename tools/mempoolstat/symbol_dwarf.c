/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbol_dwarf.c: reads debug information by elfutils' libdw, in a child of its own. A module is a
 * file that the process names, and may be as hostile as a process can be: the child has the rights
 * of that process only, two seconds, and nothing to lose.
 */
#include "symbol.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "holding.h"
#include "proc.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
/* After it was killed; a file system may hold it for as long as its owner likes. */
#define SYMBOL_FAREWELL_NS (CLOCK_SECOND_NS / 10)
/* Who looks at a file that somebody has sent. */
#define SYMBOL_NOBODY 65534
/* Longer names are not worth a row. */
#define SYMBOL_MAX_FIELD 512
/* The time that a document names for the start of its process is right to some seconds. */
#define SYMBOL_START_SLACK_S 2

/* One module that is open in the child. */
struct module {
    const char *path;
    Dwfl *dwfl;
    Dwfl_Module *found;
};

static char *no_debuginfo_path;

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &no_debuginfo_path,
};

/* Whether it is a plain file, and not newer than the process that has it loaded. */
static bool
file_is_module(int file, int64_t start_time)
{
    struct stat status;

    return fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
           (start_time == MODEL_ABSENT ||
            status.st_mtime <= start_time / 1000000 + SYMBOL_START_SLACK_S);
}

/* Opens a file only if it can be a module. To open a device or a pipe may already do something: so
 * the file is looked at before, and opened by its descriptor. */
static int
module_file_open(const char *path, int64_t start_time)
{
    int file = open(path, O_PATH | O_CLOEXEC), fd = -1;
    char opened[32];

    if (file >= 0 && file_is_module(file, start_time)) {
        snprintf(opened, sizeof(opened), "/proc/self/fd/%d", file);
        fd = open(opened, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    }
    if (file >= 0) {
        close(file);
    }
    return fd;
}

/* The file as the process sees it, and if that cannot be, as we do. */
static int
module_open(const struct process *process, const char *path)
{
    int fd = -1;

    if (path[0] == '/' && process->peer_pid > 0) {
        char *root = proc_path(process->peer_pid, "root");
        char *rooted = alloc_format("%s%s", root, path);

        fd = module_file_open(rooted, process->start_time);
        free(root);
        free(rooted);
    }
    if (path[0] == '/' && fd < 0) {
        fd = module_file_open(path, process->start_time);
    }
    return fd;
}

/* Makes a module the one that is open. */
static void
module_enter(struct module *module, const struct process *process, const char *path)
{
    int fd;

    if (module->path != NULL && strcmp(module->path, path) == 0) {
        return;
    }
    if (module->dwfl != NULL) {
        dwfl_end(module->dwfl);
    }
    *module = (struct module){.path = path, .dwfl = dwfl_begin(&callbacks)};
    fd = module_open(process, path);
    if (fd < 0 || module->dwfl == NULL) {
        return;
    }
    dwfl_report_begin(module->dwfl);
    module->found = dwfl_report_offline(module->dwfl, path, path, fd);
    if (module->found == NULL) {
        close(fd);
    }
    dwfl_report_end(module->dwfl, NULL, NULL);
}

/*
 * The address of a place's call in the module that is open. The offset is that of the return, which
 * may be the first instruction of the next line. A program that is not to be moved has addresses
 * that do not begin at 0, and its offsets may be told with or without that beginning.
 */
static Dwarf_Addr
module_address(const struct module *module, uint64_t offset)
{
    Dwarf_Addr bias = 0, start = 0, address;

    if (dwfl_module_getelf(module->found, &bias) == NULL) {
        return 0;
    }
    dwfl_module_info(module->found, NULL, &start, NULL, NULL, NULL, NULL, NULL);
    address = bias + offset - 1;
    return address < start ? address + start - bias : address;
}

/* What can be a field of the child's lines; otherwise nothing. */
static const char *
field_of(const char *text)
{
    return text != NULL && strlen(text) < SYMBOL_MAX_FIELD && strpbrk(text, "\t\n") == NULL ? text
                                                                                            : "";
}

/* Prints number, line and function of a place, between tabs, as far as they can be found. */
static void
site_print(struct module *module, const struct call_site *site, size_t number, FILE *out)
{
    Dwarf_Addr address = module->found != NULL ? module_address(module, site->offset) : 0;
    Dwfl_Line *line = NULL;
    const char *file, *function, *slash;
    int line_number = 0;

    if (address == 0) {
        return;
    }
    line = dwfl_module_getsrc(module->found, address);
    file = line != NULL ? dwfl_lineinfo(line, NULL, &line_number, NULL, NULL, NULL) : NULL;
    file = field_of(file);
    slash = strrchr(file, '/');
    function = field_of(dwfl_module_addrname(module->found, address));
    fprintf(out, "%zu\t%s", number, slash != NULL ? slash + 1 : file);
    if (file[0] != '\0') {
        fprintf(out, ":%d", line_number);
    }
    fprintf(out, "\t%s\n", function);
    fflush(out);
}

/* All places of a process, one after the other. */
struct site_list {
    struct call_site **sites;
    size_t n_sites;
};

static void
sites_print_lines(const struct process *process, const struct site_list *list, FILE *out)
{
    struct module module = {.path = NULL};

    for (size_t i = 0; i < list->n_sites; i++) {
        const struct call_site *site = list->sites[i];

        module_enter(&module, process, site->module);
        site_print(&module, site, i, out);
    }
}

/* Gives up what root may and the process may not; of a document that somebody has sent, all. */
static bool
child_drop_rights(const struct process *process)
{
    bool known = process->peer_pid != 0;
    uid_t user = known ? process->peer_uid : SYMBOL_NOBODY;
    gid_t group = known ? process->peer_gid : SYMBOL_NOBODY;

    if (geteuid() != 0 || (known && user == 0)) {
        return true;
    }
    return setgroups(0, NULL) == 0 && setresgid(group, group, group) == 0 &&
           setresuid(user, user, user) == 0;
}

/* Leaves the child nothing of ours but the pipe, which becomes descriptor 3. */
static bool
child_close_files(int fd)
{
    int null = open("/dev/null", O_RDWR);

    for (int i = 0; i < 3; i++) {
        dup2(null, i);
    }
    if (null < 0 || dup2(fd, 3) < 0) {
        return false;
    }
    closefrom(4);
    return true;
}

/* Should memory run out, then by what it reads: so it is the first to go. */
static void
child_go_first(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);

    if (fd < 0 || write(fd, "1000", 4) < 0) {
        return;
    }
    close(fd);
}

/* Nothing that the child does may reach the terminal, the network, or outlive its parent. */
static bool
child_confine(const struct process *process)
{
    const struct rlimit none = {0, 0};

    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL);
    }
    setrlimit(RLIMIT_CORE, &none);
    child_go_first();
    /* Away from the terminal that we were started at. */
    setsid();
    /* libdw would ask servers for debug information. */
    unsetenv("DEBUGINFOD_URLS");
    /* The signal last: a change of user forgets it. */
    return child_drop_rights(process) && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

static void
child_run(const struct process *process, const struct site_list *list, int fd)
{
    FILE *out = child_close_files(fd) ? fdopen(3, "w") : NULL;

    if (out != NULL && child_confine(process)) {
        sites_print_lines(process, list, out);
    }
    _Exit(0);
}

/* A copy, or NULL of nothing. */
static char *
copy_unless_empty(const char *text)
{
    return text != NULL && text[0] != '\0' ? alloc_copy(text) : NULL;
}

/* One line of the child's. */
static void
site_take_line(const struct site_list *list, char *text)
{
    const char *number_field = strsep(&text, "\t"), *line = strsep(&text, "\t");
    unsigned long number = strtoul(number_field, NULL, 10);
    struct call_site *site = number < list->n_sites ? list->sites[number] : NULL;

    if (site != NULL && line != NULL && site->line == NULL && site->symbol == NULL) {
        site->line = copy_unless_empty(line);
        site->symbol = copy_unless_empty(text);
    }
}

/* Takes the whole lines at the beginning of what was read. Returns how many bytes are left. */
static size_t
sites_take_lines(const struct site_list *list, char *bytes, size_t n)
{
    char *begin = bytes, *end;

    while ((end = memchr(begin, '\n', n - (size_t)(begin - bytes))) != NULL) {
        *end = '\0';
        site_take_line(list, begin);
        begin = end + 1;
    }
    n -= (size_t)(begin - bytes);
    memmove(bytes, begin, n);
    return n;
}

/* Reads what the child finds, until it ends or its time is over. */
static void
sites_read_lines(const struct site_list *list, int fd, int64_t deadline_ns)
{
    char bytes[2 * SYMBOL_MAX_FIELD + 64];
    size_t n = 0;

    for (;;) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        int64_t rest_ns = deadline_ns - clock_now_ns();
        ssize_t more;

        if (rest_ns <= 0 || n == sizeof(bytes)) {
            return;
        }
        if (poll(&polled, 1, (int)(rest_ns / 1000000) + 1) <= 0) {
            continue;
        }
        more = read(fd, bytes + n, sizeof(bytes) - n);
        if (more == 0 || (more < 0 && errno != EINTR)) {
            return;
        }
        n = sites_take_lines(list, bytes, n + (more > 0 ? (size_t)more : 0));
    }
}

/* What was looked up before, with its outcome: reports repeat, and the same places hold blocks. */
struct known_line {
    int64_t pid, start_time;
    char *module;
    uint64_t offset;
    char *line, *symbol; /* NULL: there is none */
};

/* Used by one thread. */
static struct known_line known_lines[256];
static size_t n_known_lines;

static const struct known_line *
known_line_find(const struct process *process, const struct call_site *site)
{
    size_t n = n_known_lines < COUNT_OF(known_lines) ? n_known_lines : COUNT_OF(known_lines);

    for (size_t i = 0; i < n; i++) {
        const struct known_line *known = &known_lines[i];

        if (known->pid == process->pid && known->start_time == process->start_time &&
            known->offset == site->offset && strcmp(known->module, site->module) == 0) {
            return known;
        }
    }
    return NULL;
}

/* In the place of the oldest one, if there is no other. */
static void
known_line_add(const struct process *process, const struct call_site *site)
{
    struct known_line *known = &known_lines[n_known_lines++ % COUNT_OF(known_lines)];

    free(known->module);
    free(known->line);
    free(known->symbol);
    *known = (struct known_line){
        .pid = process->pid,
        .start_time = process->start_time,
        .module = alloc_copy(site->module),
        .offset = site->offset,
        .line = copy_unless_empty(site->line),
        .symbol = copy_unless_empty(site->symbol),
    };
}

/* Whether the line of a place must be looked up. */
static bool
site_is_asked(const struct process *process, struct call_site *site)
{
    const struct known_line *known;

    if (site->module == NULL || !site->has_offset || site->offset == 0) {
        return false;
    }
    known = known_line_find(process, site);
    if (known != NULL) {
        site->line = copy_unless_empty(known->line);
        site->symbol = copy_unless_empty(known->symbol);
    }
    return known == NULL;
}

static void
site_list_add(struct site_list *list, const struct process *process, struct call_site *site)
{
    if (site_is_asked(process, site)) {
        list->sites[list->n_sites++] = site;
    }
}

/* Whether a pool was registered where the one before it in the document was. */
static bool
registered_as_before(const struct process *process, size_t i)
{
    const struct call_site *site, *before;

    if (i == 0) {
        return false;
    }
    site = &process->holdings[i].registered_by;
    before = &process->holdings[i - 1].registered_by;
    return site->module != NULL && before->module != NULL &&
           strcmp(before->module, site->module) == 0 && before->offset == site->offset;
}

/* Of thousands of pools that a place has registered one after the other, the first one asks. */
static struct site_list
sites_of(const struct process *process)
{
    struct site_list list = {NULL, 0};

    for (size_t i = 0; i < process->n_holdings; i++) {
        struct holding *holding = &process->holdings[i];

        list.sites = alloc_array(list.sites, list.n_sites + holding->n_sites + 1,
                                 sizeof(struct call_site *));
        if (!registered_as_before(process, i)) {
            site_list_add(&list, process, &holding->registered_by);
        }
        for (size_t j = 0; j < holding->n_sites; j++) {
            site_list_add(&list, process, &holding->sites[j].call);
        }
    }
    return list;
}

/* The others have what it found. */
static void
registered_share(struct process *process)
{
    for (size_t i = 1; i < process->n_holdings; i++) {
        struct call_site *site = &process->holdings[i].registered_by;

        if (registered_as_before(process, i)) {
            site->line = copy_unless_empty(process->holdings[i - 1].registered_by.line);
            site->symbol = copy_unless_empty(process->holdings[i - 1].registered_by.symbol);
        }
    }
}

/* Ends the child. What it waits for may not let it go at once: then it stays behind. */
static void
child_end(pid_t child)
{
    int64_t end_ns = clock_now_ns() + SYMBOL_FAREWELL_NS;

    kill(child, SIGKILL);
    while (waitpid(child, NULL, WNOHANG) == 0 && clock_now_ns() < end_ns) {
        poll(NULL, 0, 1);
    }
}

static void
sites_look_up(const struct process *process, const struct site_list *list, int64_t *left_ns)
{
    int64_t begin_ns = clock_now_ns();
    int ends[2];
    pid_t child;

    if (list->n_sites == 0 || *left_ns <= 0 || pipe2(ends, O_CLOEXEC) != 0) {
        return;
    }
    child = fork();
    if (child == 0) {
        child_run(process, list, ends[1]);
    }
    close(ends[1]);
    if (child > 0) {
        sites_read_lines(list, ends[0], begin_ns + *left_ns);
        child_end(child);
    }
    close(ends[0]);
    for (size_t i = 0; i < list->n_sites; i++) {
        known_line_add(process, list->sites[i]);
    }
    *left_ns -= clock_now_ns() - begin_ns;
}

void
symbol_find_lines(struct process *process, int64_t *left_ns)
{
    struct site_list list = sites_of(process);

    sites_look_up(process, &list, left_ns);
    free(list.sites);
    registered_share(process);
}
