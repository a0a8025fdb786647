/* SPDX-License-Identifier: Apache-2.0 */
/* test_clients.c: who comes in and who has to leave, at times that the test chooses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "export/clients.h"

enum { NOW = 1000000, BIG = CLIENTS_ANSWER_BYTES / 2 + 1 };

static struct clients clients;
static int peers[CLIENTS_MAX + 1];
static int n_peers;

static int
begin(void **state)
{
    n_peers = 0;
    clients_begin(&clients);
    return 0;
}

static int
end(void **state)
{
    clients_close(&clients);
    while (n_peers > 0) {
        close(peers[--n_peers]);
    }
    return 0;
}

/* A connection comes in; the number of its other end among the peers. */
static int
come_in(uint64_t now_ms)
{
    struct owned_fd connection;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    fd_lock();
    assert_int_equal(fd_own(&connection, ends[0]), 0);
    fd_unlock();
    clients_admit(&clients, &connection, now_ms);
    assert_int_equal(connection.fd, -1);
    peers[n_peers] = ends[1];
    return n_peers++;
}

static void
fill(uint64_t now_ms)
{
    while (n_peers < CLIENTS_MAX) {
        come_in(now_ms + (uint64_t)n_peers);
    }
}

/* Whether a peer is connected still, and has nothing to read. */
static bool
is_waiting(int peer)
{
    char byte;

    return recv(peers[peer], &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool
is_answered(int peer)
{
    char byte;

    return recv(peers[peer], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void
ask(int peer, const char *line)
{
    assert_int_equal(send(peers[peer], line, strlen(line), MSG_NOSIGNAL), strlen(line));
}

/* The client of a peer has an answer of so many bytes, and sent nothing of it. */
static void
give_answer(int peer, size_t bytes, uint64_t now_ms)
{
    struct client *client = &clients.places[peer];

    client->answer = client->answer_memory = calloc(1, bytes);
    assert_non_null(client->answer);
    client->answer_bytes = bytes;
    client->progress_ms = now_ms;
}

static void
the_oldest_that_has_stalled_makes_room(void **state)
{
    uint64_t stalled = NOW + CLIENT_PATIENCE_MS;

    fill(NOW);
    assert_false(clients_have_place(&clients, stalled - 1));
    assert_true(clients_have_place(&clients, stalled));
    /* The oldest goes on. */
    clients.places[0].progress_ms = stalled;
    assert_false(clients_have_place(&clients, stalled));
    assert_true(clients_have_place(&clients, stalled + 1));
    come_in(stalled + 1);
    assert_false(is_waiting(1));
    for (int peer = 0; peer <= CLIENTS_MAX; peer++) {
        assert_true(peer == 1 || is_waiting(peer));
    }
}

static void
who_reads_a_little_now_and_then_has_a_turn_and_no_more(void **state)
{
    uint64_t over = NOW + CLIENT_TURN_MS;

    fill(NOW);
    for (int peer = 0; peer < CLIENTS_MAX; peer++) {
        clients.places[peer].progress_ms = over;
    }
    assert_false(clients_have_place(&clients, over - 1));
    assert_true(clients_have_place(&clients, over));
    come_in(over);
    assert_false(is_waiting(0));
    assert_true(is_waiting(1));
}

static void
nobody_is_answered_while_answers_take_too_much_memory(void **state)
{
    int late;

    come_in(NOW);
    come_in(NOW);
    give_answer(0, BIG, NOW);
    assert_false(clients_are_full(&clients));
    give_answer(1, BIG, NOW + 50);
    assert_true(clients_are_full(&clients));
    late = come_in(NOW);
    ask(late, "help\n");
    clients_serve(&clients, &clients.places[late], NOW);
    assert_false(is_answered(late));
    /* Who does not read leaves. */
    clients_expire(&clients, NOW + CLIENT_PATIENCE_MS - 1);
    assert_true(clients_are_full(&clients));
    clients_expire(&clients, NOW + CLIENT_PATIENCE_MS);
    assert_false(is_waiting(0));
    assert_true(is_waiting(1));
    assert_false(clients_are_full(&clients));
    clients_serve(&clients, &clients.places[late], NOW);
    assert_true(is_answered(late));
}

static void
one_answer_may_take_any_memory_and_two_if_nobody_waits(void **state)
{
    come_in(NOW);
    give_answer(0, (size_t)CLIENTS_ANSWER_BYTES * 2, NOW);
    assert_false(clients_are_full(&clients));
    come_in(NOW);
    give_answer(1, BIG, NOW);
    assert_true(clients_are_full(&clients));
    clients_expire(&clients, NOW + CLIENT_TURN_MS);
    assert_true(is_waiting(0));
    assert_true(is_waiting(1));
}

static void
time_is_over_at_the_deadline(void **state)
{
    come_in(NOW);
    come_in(NOW + 1);
    clients_expire(&clients, NOW + CLIENT_DEADLINE_MS - 1);
    assert_true(is_waiting(0));
    clients_expire(&clients, NOW + CLIENT_DEADLINE_MS);
    assert_false(is_waiting(0));
    assert_true(is_waiting(1));
}

static void
expect_until(bool someone_waits, uint64_t now_ms, uint64_t until_ms)
{
    assert_int_equal(clients_until_ms(&clients, someone_waits, now_ms + 5000, now_ms), until_ms);
}

static void
the_wait_ends_when_there_is_something_to_do(void **state)
{
    expect_until(true, NOW, NOW + 5000);
    come_in(NOW);
    come_in(NOW + 30);
    expect_until(false, NOW, NOW + CLIENT_DEADLINE_MS);
    expect_until(true, NOW, NOW + CLIENT_PATIENCE_MS);
    expect_until(true, NOW + CLIENT_PATIENCE_MS, NOW + CLIENT_PATIENCE_MS + 30);
    give_answer(0, BIG, NOW);
    give_answer(1, BIG, NOW);
    expect_until(false, NOW, NOW + CLIENT_PATIENCE_MS);
}

#define WITH_CLIENTS(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CLIENTS(the_oldest_that_has_stalled_makes_room),
        WITH_CLIENTS(who_reads_a_little_now_and_then_has_a_turn_and_no_more),
        WITH_CLIENTS(nobody_is_answered_while_answers_take_too_much_memory),
        WITH_CLIENTS(one_answer_may_take_any_memory_and_two_if_nobody_waits),
        WITH_CLIENTS(time_is_over_at_the_deadline),
        WITH_CLIENTS(the_wait_ends_when_there_is_something_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
