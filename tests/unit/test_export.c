/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "layout/tail.h"
#include "osmempool.h"

enum { FIRST_FD = 3, MANY_FDS = 64, RACERS = 4, RACES = 50, ANSWER_BYTES = 4096 };

static char scratch[] = "/tmp/osmp-export-XXXXXX";
static char socket_path[64];

static int
make_scratch(void **state)
{
    if (mkdtemp(scratch) == NULL) {
        return -1;
    }
    snprintf(socket_path, sizeof(socket_path), "%s/s", scratch);
    return setenv("OSMEMPOOL_DIR", scratch, 1);
}

static int
remove_scratch(void **state)
{
    return rmdir(scratch);
}

static int
count_fds(void)
{
    int n = 0;
    int fd;

    for (fd = FIRST_FD; fd < MANY_FDS; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

/* Asks for a snapshot; whether a document came. */
static bool
is_served(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[32] = "";
    bool served = false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, socket_path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        served = send(fd, "snapshot\n", 9, MSG_NOSIGNAL) == 9 &&
                 recv(fd, text, sizeof(text) - 1, 0) > 0 &&
                 strncmp(text, "{\"schema\":\"osmempool/1\"", 23) == 0;
    }
    close(fd);
    return served;
}

static void
start_and_stop_leave_nothing_behind(void **state)
{
    int before = count_fds();

    assert_int_equal(osmempool_export_stop(), OS_OK);
    assert_int_equal(osmempool_export_start(socket_path), OS_OK);
    assert_true(is_served());
    assert_int_equal(osmempool_export_stop(), OS_OK);
    assert_int_equal(access(socket_path, F_OK), -1);
    assert_false(is_served());
    assert_int_equal(count_fds(), before);
    assert_int_equal(osmempool_export_start(NULL), OS_OK);
    assert_int_equal(osmempool_export_stop(), OS_OK);
    assert_int_equal(count_fds(), before);
}

static void
a_start_that_fails_says_why(void **state)
{
    int before = count_fds();

    assert_int_equal(osmempool_export_start(""), OS_INVALID_PARM);
    assert_int_equal(osmempool_export_start("s"), OS_INVALID_PARM);
    errno = 0;
    assert_int_equal(osmempool_export_start("/nowhere/at/all"), OS_ERROR);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(osmempool_export_start("/dev/null"), OS_ERROR);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(count_fds(), before);
    assert_int_equal(osmempool_export_start(socket_path), OS_OK);
    assert_int_equal(osmempool_export_start(socket_path), OS_EBUSY);
    assert_int_equal(osmempool_export_start(NULL), OS_EBUSY);
    assert_true(is_served());
    assert_int_equal(osmempool_export_stop(), OS_OK);
}

static void
its_descriptors_do_not_survive_an_exec(void **state)
{
    bool was_open[MANY_FDS];
    int n = 0;
    int fd;

    for (fd = FIRST_FD; fd < MANY_FDS; fd++) {
        was_open[fd] = fcntl(fd, F_GETFD) >= 0;
    }
    assert_int_equal(osmempool_export_start(socket_path), OS_OK);
    for (fd = FIRST_FD; fd < MANY_FDS; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (!was_open[fd] && flags >= 0) {
            assert_int_equal(flags, FD_CLOEXEC);
            n++;
        }
    }
    assert_true(n >= 2);
    assert_int_equal(osmempool_export_stop(), OS_OK);
}

/* Reads a line of a thread's status that begins like this; "" if there is none. */
static void
read_status(const char *thread, const char *beginning, char *line, int room)
{
    char path[300];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
    file = fopen(path, "re");
    line[0] = '\0';
    while (file != NULL && fgets(line, room, file) != NULL &&
           strncmp(line, beginning, strlen(beginning)) != 0) {
        line[0] = '\0';
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* The signals that the exporter's thread blocks, as /proc shows them; 0 without such a thread. */
static unsigned long long
exporter_blocks(void)
{
    unsigned long long blocked = 0;
    DIR *dir = opendir("/proc/self/task");
    struct dirent *entry;
    char line[256];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        read_status(entry->d_name, "Name:", line, sizeof(line));
        if (strcmp(line, "Name:\tosmempool\n") == 0) {
            read_status(entry->d_name, "SigBlk:", line, sizeof(line));
            sscanf(line, "SigBlk: %llx", &blocked);
        }
    }
    closedir(dir);
    return blocked;
}

static void
its_thread_has_a_name_and_takes_no_signal_of_the_program(void **state)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGALRM, SIGPIPE};
    unsigned long long blocked;
    sigset_t mine;
    size_t i;

    assert_int_equal(osmempool_export_start(socket_path), OS_OK);
    assert_true(is_served());
    blocked = exporter_blocks();
    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        assert_true((blocked >> (signals[i] - 1) & 1) != 0);
    }
    assert_true((blocked >> (SIGSEGV - 1) & 1) == 0);
    pthread_sigmask(SIG_BLOCK, NULL, &mine);
    assert_false(sigismember(&mine, SIGTERM));
    assert_int_equal(osmempool_export_stop(), OS_OK);
}

/* One request; the answer's end is stored. */
static void
ask(const char *line, char *end, size_t room)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t n = 0;
    ssize_t got = 1;

    strcpy(address.sun_path, socket_path);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
    while (got > 0 && n < room - 1) {
        got = recv(fd, end + n, room - 1 - n, 0);
        n += got > 0 ? (size_t)got : 0;
    }
    end[n] = '\0';
    close(fd);
}

static void *
ask_for_checks(void *end)
{
    ask("check *\n", end, ANSWER_BYTES);
    return NULL;
}

/* What no program can do but one that hangs in the library: the lock is never given. */
static void
a_thread_that_holds_a_pool_stops_neither_check_nor_snapshot(void **state)
{
    static char checks[ANSWER_BYTES], answer[ANSWER_BYTES];
    struct os_mempool held;
    pthread_t asker;

    assert_int_equal(os_mempool_init(&held, 0, 8, NULL, "held"), OS_OK);
    setenv("OSMEMPOOL_EXPORT_WRITE", "1", 1);
    assert_int_equal(osmempool_export_start(socket_path), OS_OK);
    lock_take(&pool_tail(&held)->lock);
    assert_int_equal(pthread_create(&asker, NULL, ask_for_checks, checks), 0);
    ask("snapshot\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"pools\":[{\"name\":\"held\""));
    pthread_join(asker, NULL);
    assert_non_null(strstr(checks, "\"checks\":[{\"name\":\"held\",\"result\":\"busy\"}]}\n"));
    ask("reset-min *\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"reset\":[{\"name\":\"held\",\"result\":\"busy\"}]}\n"));
    lock_give(&pool_tail(&held)->lock);
    ask("check *\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"checks\":[{\"name\":\"held\",\"result\":\"sane\"}]}\n"));
    assert_int_equal(osmempool_export_stop(), OS_OK);
    assert_int_equal(os_mempool_unregister(&held), OS_OK);
}

/* Starts and stops with others doing the same; counts the answers that no caller may get. */
static void *
race(void *argument)
{
    int *bad = argument;
    int i;

    for (i = 0; i < RACES; i++) {
        os_error_t error = osmempool_export_start(socket_path);

        *bad += error != OS_OK && error != OS_EBUSY;
        *bad += osmempool_export_stop() != OS_OK;
    }
    return NULL;
}

static void
threads_may_start_and_stop_at_once(void **state)
{
    pthread_t threads[RACERS];
    int bad[RACERS] = {0};
    int before = count_fds();
    int i;

    for (i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, &bad[i]), 0);
    }
    for (i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (i = 0; i < RACERS; i++) {
        assert_int_equal(bad[i], 0);
    }
    assert_int_equal(count_fds(), before);
    assert_int_equal(access(socket_path, F_OK), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_and_stop_leave_nothing_behind),
        cmocka_unit_test(a_start_that_fails_says_why),
        cmocka_unit_test(its_descriptors_do_not_survive_an_exec),
        cmocka_unit_test(its_thread_has_a_name_and_takes_no_signal_of_the_program),
        cmocka_unit_test(a_thread_that_holds_a_pool_stops_neither_check_nor_snapshot),
        cmocka_unit_test(threads_may_start_and_stop_at_once),
    };

    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
