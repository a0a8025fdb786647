/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exporter.c: a program with pools that does what lines on its stdin say, one line of answer each.
 *
 * harness.py drives it. An alarm ends it and its children whatever happens.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "osmempool.h"

enum { BLOCKS = 8, BLOCK_BYTES = 64, LINE_MAX_BYTES = 8192, LIFE_SECONDS = 600, FIRST_FD = 3 };

static os_membuf_t pool_buffer[OS_MEMPOOL_SIZE(BLOCKS, BLOCK_BYTES)];
static struct os_mempool pool;

static void
say(const char *what, long number, int error)
{
    printf("%s %ld %d\n", what, number, error);
    fflush(stdout);
}

static void
use_pool(void)
{
    void *block = os_memblock_get(&pool);

    if (block != NULL) {
        os_memblock_put(&pool, block);
    }
}

static void
do_start(const char *argument)
{
    os_error_t error = osmempool_export_start(*argument != '\0' ? argument : NULL);

    say("start", error, error == OS_ERROR ? errno : 0);
}

static void
do_stop(const char *argument)
{
    say("stop", osmempool_export_stop(), 0);
}

static void
do_get(const char *argument)
{
    say("get", os_memblock_get(&pool) != NULL, 0);
}

static void
do_misput(const char *argument)
{
    say("misput", os_memblock_put(&pool, &pool), 0);
}

/* More pools, for good; their buffers hold no block. */
static void
do_pools(const char *argument)
{
    long n = atol(argument);
    struct os_mempool *pools = calloc((size_t)n, sizeof(*pools));
    long i;

    for (i = 0; pools != NULL && i < n; i++) {
        os_mempool_init(&pools[i], 0, BLOCK_BYTES, NULL, "empty");
    }
    say("pools", i, 0);
}

/* One more pool, for good, of that name. */
static void
do_named(const char *argument)
{
    struct os_mempool *mp = calloc(1, sizeof(*mp));

    say("named", mp != NULL ? (long)os_mempool_init(mp, 0, BLOCK_BYTES, NULL, argument) : -1, 0);
}

/* The end of the first pool of that name. */
static void
do_unname(const char *argument)
{
    say("unname", os_mempool_unregister(os_mempool_get(argument, NULL)), 0);
}

/* The first pool of that name anew, as another one. */
static void
do_rename(const char *argument)
{
    say("rename", os_mempool_init(os_mempool_get(argument, NULL), 0, BLOCK_BYTES, NULL, argument),
        0);
}

/* A get that fails, in a pool of that name without blocks. */
static void
do_fail(const char *argument)
{
    say("fail", os_memblock_get(os_mempool_get(argument, NULL)) == NULL, 0);
}

static void
live_in_child(const char *argument)
{
    alarm(LIFE_SECONDS);
    if (strcmp(argument, "use") == 0) {
        use_pool();
    }
    for (;;) {
        pause();
    }
}

static void
do_fork(const char *argument)
{
    pid_t child = fork();

    if (child == 0) {
        live_in_child(argument);
    }
    say("fork", child, 0);
}

/* Many children that use the pool and exit normally; counts those that did not end well. */
static void
do_forks(const char *argument)
{
    long n = atol(argument);
    long bad = 0;
    long i;

    for (i = 0; i < n; i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            alarm(LIFE_SECONDS);
            use_pool();
            exit(EXIT_SUCCESS);
        }
        bad += child < 0 || waitpid(child, &status, 0) != child || status != 0;
    }
    say("forks", bad, 0);
}

static void
do_daemon(const char *argument)
{
    int error = daemon(1, 1);

    alarm(LIFE_SECONDS);
    use_pool();
    say("daemon", getpid(), error);
}

static void
do_closefds(const char *argument)
{
    say("closefds", close_range(FIRST_FD, ~0U, 0), 0);
}

/* Puts a file of its own in the place of every descriptor from 3 on; tells how many. */
static void
do_replacefds(const char *argument)
{
    int null = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    long n = 0;
    int fd;

    for (fd = null - 1; fd >= FIRST_FD; fd--) {
        n += fcntl(fd, F_GETFD) >= 0 && dup2(null, fd) == fd;
    }
    say("replacefds", n, 0);
}

/*
 * How many descriptors are open, and how many of them are /dev/zero. By their names: to touch them
 * would be a race with the exporter's thread, which ThreadSanitizer reports.
 */
static void
do_countfds(const char *argument)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    long open_fds = 0;
    int zeros = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char target[32] = "";
        bool own = atoi(entry->d_name) == dirfd(dir);

        if (!own && readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) > 0) {
            open_fds++;
            zeros += strcmp(target, "/dev/zero") == 0;
        }
    }
    closedir(dir);
    say("countfds", open_fds, zeros);
}

static void
do_nofile(const char *argument)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)atol(argument);
    say("nofile", setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The program in a new process: how many descriptors it has beside the standard ones. */
static void
say_count(const char *what, pid_t child, int error)
{
    int status = -1;

    if (error == 0 && waitpid(child, &status, 0) != child) {
        error = errno;
    }
    say(what, WIFEXITED(status) ? WEXITSTATUS(status) : -1, error);
}

static void
do_spawn(const char *argument)
{
    char *const arguments[] = {(char *)"exporter", (char *)"count", NULL};
    char *const environment[] = {NULL};
    pid_t child = 0;
    int error = posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environment);

    say_count("spawn", child, error);
}

static void
do_vfork(const char *argument)
{
    pid_t child = vfork();

    if (child == 0) {
        execle("/proc/self/exe", "exporter", "count", (char *)NULL, (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    say_count("vfork", child, child < 0 ? errno : 0);
}

/* The same process becomes a new program, which says "exec". */
static void
do_exec(const char *argument)
{
    execl("/proc/self/exe", "exporter", "exec", (char *)NULL);
    say("exec", -1, errno);
}

static void
do_setuid(const char *argument)
{
    uid_t uid = (uid_t)atol(argument);

    say("setuid", setresuid(uid, uid, uid), errno);
}

static void
do_chroot(const char *argument)
{
    say("chroot", chroot(argument) < 0 || chdir("/") < 0 ? -1 : 0, errno);
}

/* A limit on its memory in bytes; -1 for none. */
static void
do_memory(const char *argument)
{
    struct rlimit limit;

    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = (rlim_t)atoll(argument);
    say("memory", setrlimit(RLIMIT_AS, &limit), errno);
}

/* Writes over the mark of the block that was put last: what ThreadSanitizer reports is meant. */
__attribute__((no_sanitize("thread"))) static void
do_damage(const char *argument)
{
    uintptr_t *block = os_memblock_get(&pool);

    os_memblock_put(&pool, block);
    block[1] = 0;
    say("damage", (long)(((uintptr_t)block - pool.mp_membuf_addr) / BLOCK_BYTES), 0);
}

/* Milliseconds on the CPU so far. */
static void
do_cpu(const char *argument)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    say("cpu",
        usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 +
            usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000,
        0);
}

static int follow(void);

static void *
follow_on(void *arg)
{
    say("leave", getpid(), 0);
    exit(follow());
}

/* The main thread ends, and another one goes on. */
static void
do_leave(const char *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, follow_on, NULL) == 0) {
        pthread_exit(NULL);
    }
    say("leave", -1, 0);
}

static const struct {
    const char *name;
    void (*run)(const char *argument);
} actions[] = {
    {"start", do_start},       {"stop", do_stop},
    {"get", do_get},           {"misput", do_misput},
    {"pools", do_pools},       {"named", do_named},
    {"unname", do_unname},     {"rename", do_rename},
    {"fail", do_fail},         {"fork", do_fork},
    {"forks", do_forks},       {"daemon", do_daemon},
    {"closefds", do_closefds}, {"replacefds", do_replacefds},
    {"countfds", do_countfds}, {"nofile", do_nofile},
    {"cpu", do_cpu},           {"spawn", do_spawn},
    {"vfork", do_vfork},       {"exec", do_exec},
    {"setuid", do_setuid},     {"chroot", do_chroot},
    {"memory", do_memory},     {"damage", do_damage},
    {"leave", do_leave},
};

static int
run(char *line)
{
    char *argument = line + strcspn(line, " ");
    size_t i;

    if (*argument != '\0') {
        *argument++ = '\0';
    }
    for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(line, actions[i].name) == 0) {
            actions[i].run(argument);
            return 0;
        }
    }
    fprintf(stderr, "exporter: no action %s\n", line);
    return -1;
}

/* What the first argument says: to count descriptors, to do nothing for ever, or whose heir it is.
 */
static void
begin(const char *word)
{
    int n = 0;
    int fd;

    if (strcmp(word, "exec") == 0) {
        say(word, getpid(), 0);
        return;
    }
    while (strcmp(word, "wait") == 0) {
        pause();
    }
    for (fd = FIRST_FD; fd < 1024; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    exit(n);
}

/* Does what is said until the end of stdin; the program's status. */
static int
follow(void)
{
    static char line[LINE_MAX_BYTES];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (run(line) < 0) {
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    alarm(LIFE_SECONDS);
    if (os_mempool_init(&pool, BLOCKS, BLOCK_BYTES, pool_buffer, "first \"one\"\x80\n") != OS_OK) {
        return EXIT_FAILURE;
    }
    if (argc > 1) {
        begin(argv[1]);
    }
    return follow();
}
