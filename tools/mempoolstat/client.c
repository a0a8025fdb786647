/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "alloc.h"
#include "clock.h"

/* All exchanges together, whoever is asked; a walk through pools takes longer. */
#define ROUND_NS      ((int64_t)3500000000)
#define ROUND_WALK_NS ((int64_t)11500000000)
/* What the documents of all processes may take until they are printed: some 70,000 pools. Who has
 * most yields first, so that honest processes are read beside those that send what they can. */
#define ROUND_MAX_MEMORY ((size_t)24 << 20)
/* To read that much takes less than a second of processor time. */
#define ROUND_MAX_TEXT ((size_t)256 << 20)
#define SHARE_MAX_TEXT ((size_t)64 << 20)
/* Who has sent no more than this is not the one who has sent too much. */
#define ANSWER_SMALL_TEXT ((size_t)1 << 20)
/* What is read of a user before it is another one's turn. */
#define SHARE_TURN_BYTES ((size_t)256 << 10)
#define READ_BYTES       ((size_t)64 << 10)
/* Exchanges at a time, and descriptors that are left for all else. */
#define ROUND_MAX_OPEN     4096
#define DESCRIPTORS_KEPT   128
#define DESCRIPTORS_SPARED 24

/* The processes of a user. */
struct share {
    uid_t user;
    size_t *places; /* of the user's answers */
    size_t n_places, next, n_open;
    size_t n_text, n_memory;
    size_t turn; /* bytes that may be read in this turn */
};

struct round {
    struct answer *answers;
    size_t n_answers;
    struct share *shares;
    size_t n_shares;
    size_t *share_of; /* of each answer */
    size_t *booked;   /* of each answer: the memory that it takes by our books */
    size_t *open;     /* places of the answers that are open */
    struct pollfd *polled;
    size_t n_open, max_open;
    size_t turn; /* which of the open ones comes first */
    size_t n_text, n_memory;
    int64_t end_ns, due_ns;
    char *buffer;
};

void
client_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static size_t
round_most_open(void)
{
    struct rlimit limit = {.rlim_cur = 1024};
    size_t spared;

    getrlimit(RLIMIT_NOFILE, &limit);
    spared = limit.rlim_cur > 4 * DESCRIPTORS_KEPT ? DESCRIPTORS_KEPT : DESCRIPTORS_SPARED;
    if (limit.rlim_cur <= spared) {
        return 1;
    }
    return limit.rlim_cur - spared < ROUND_MAX_OPEN ? (size_t)limit.rlim_cur - spared
                                                    : ROUND_MAX_OPEN;
}

static size_t
round_find_share(struct round *round, uid_t user)
{
    size_t i = 0;

    while (i < round->n_shares && round->shares[i].user != user) {
        i++;
    }
    if (i == round->n_shares) {
        round->shares = alloc_array(round->shares, ++round->n_shares, sizeof(round->shares[0]));
        round->shares[i] = (struct share){.user = user};
    }
    return i;
}

static void
share_add(struct share *share, size_t place)
{
    share->places = alloc_one_more(share->places, share->n_places, sizeof(place));
    share->places[share->n_places++] = place;
}

static void
round_begin(struct round *round, const struct target_list *targets, const struct request *request,
            struct answer *answers)
{
    size_t n = targets->n_targets;
    bool walk = request->kind == DOCUMENT_CHECKS;

    *round = (struct round){.answers = answers, .n_answers = n, .max_open = round_most_open()};
    round->share_of = alloc_array(NULL, n, sizeof(round->share_of[0]));
    round->booked = alloc_array(NULL, n, sizeof(round->booked[0]));
    round->open = alloc_array(NULL, n, sizeof(round->open[0]));
    round->polled = alloc_array(NULL, n, sizeof(round->polled[0]));
    round->buffer = alloc_array(NULL, READ_BYTES, 1);
    round->end_ns = clock_now_ns() + (walk ? ROUND_WALK_NS : ROUND_NS);
    round->due_ns = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        answers[i] = answer_make(&targets->targets[i], request);
        round->booked[i] = 0;
        round->share_of[i] = round_find_share(round, targets->targets[i].owner);
        share_add(&round->shares[round->share_of[i]], i);
    }
}

static void
round_free(struct round *round)
{
    for (size_t i = 0; i < round->n_shares; i++) {
        free(round->shares[i].places);
    }
    free(round->shares);
    free(round->share_of);
    free(round->booked);
    free(round->open);
    free(round->polled);
    free(round->buffer);
}

static struct share *
round_share(struct round *round, size_t place)
{
    return &round->shares[round->share_of[place]];
}

/* Books what an answer takes now, and when it is due: to be called after each step with it. */
static void
round_book(struct round *round, size_t place)
{
    const struct answer *answer = &round->answers[place];
    size_t *booked = &round->booked[place], n_memory = answer->n_memory;

    round_share(round, place)->n_memory += n_memory - *booked;
    round->n_memory += n_memory - *booked;
    *booked = n_memory;
    if (answer_is_open(answer) && answer->due_ns < round->due_ns) {
        round->due_ns = answer->due_ns;
    }
}

/* Begins with the next of a user's processes. Returns false if there is no descriptor to be had. */
static bool
round_start(struct round *round, struct share *share)
{
    size_t place = share->places[share->next];
    struct answer *answer = &round->answers[place];
    int error = answer_start(answer, round->end_ns);

    if (error != 0 && round->n_open > 0) {
        round->max_open = round->n_open;
        return false;
    }
    share->next++;
    if (error != 0) {
        answer_end(answer, ANSWER_FAILED, alloc_format("no socket to be had: %s", strerror(error)));
    }
    round_book(round, place);
    if (answer_is_open(answer)) {
        round->open[round->n_open++] = place;
        share->n_open++;
    }
    return true;
}

static size_t
round_count_waiting(const struct round *round)
{
    size_t n = 0;

    for (size_t i = 0; i < round->n_shares; i++) {
        n += round->shares[i].next < round->shares[i].n_places;
    }
    return n;
}

/* Begins with one process of each user who waits and has less than a fair part of what is open.
 * Returns whether there may be more to begin with. */
static bool
round_start_some(struct round *round)
{
    size_t n_waiting = round_count_waiting(round);
    size_t fair = n_waiting > 0 ? round->max_open / n_waiting : 0;
    bool any = false;

    if (clock_now_ns() >= round->end_ns) {
        return false;
    }
    for (size_t i = 0; i < round->n_shares; i++) {
        struct share *share = &round->shares[i];

        if (share->next == share->n_places || (share->n_open > 0 && share->n_open >= fair)) {
            continue;
        }
        if (round->n_open >= round->max_open || !round_start(round, share)) {
            return false;
        }
        any = true;
    }
    return any;
}

/* Takes the answers that have come to their end off the list of those that are open. */
static void
round_close_some(struct round *round)
{
    size_t n = 0;

    for (size_t i = 0; i < round->n_open; i++) {
        size_t place = round->open[i];

        if (answer_is_open(&round->answers[place])) {
            round->open[n++] = place;
        } else {
            round_share(round, place)->n_open--;
        }
    }
    round->n_open = n;
}

static const char too_much[] = "the programs of this user send too much";

/* Gives up all of a user's processes that have not answered. */
static void
share_fail(struct round *round, struct share *share)
{
    for (size_t i = 0; i < share->next; i++) {
        size_t place = share->places[i];

        if (answer_is_open(&round->answers[place])) {
            answer_end(&round->answers[place], ANSWER_FAILED, alloc_copy(too_much));
            round_book(round, place);
        }
    }
}

/* Gives up the one that has sent most: the others may have little to say. */
static void
share_fail_one(struct round *round, struct share *share)
{
    size_t found = round->n_answers, most = ANSWER_SMALL_TEXT;

    for (size_t i = 0; i < share->next; i++) {
        const struct answer *answer = &round->answers[share->places[i]];

        if (answer_is_open(answer) && answer->n_text > most) {
            found = share->places[i];
            most = answer->n_text;
        }
    }
    if (found < round->n_answers) {
        answer_end(&round->answers[found], ANSWER_FAILED, alloc_copy(too_much));
        round_book(round, found);
    }
}

/* Of the users the one who has sent most. */
static struct share *
round_wordiest(struct round *round)
{
    struct share *found = &round->shares[0];

    for (size_t i = 1; i < round->n_shares; i++) {
        found = round->shares[i].n_text > found->n_text ? &round->shares[i] : found;
    }
    return found;
}

/* Of the users the one whose documents take most memory. */
static struct share *
round_heaviest(struct round *round)
{
    struct share *found = &round->shares[0];

    for (size_t i = 1; i < round->n_shares; i++) {
        found = round->shares[i].n_memory > found->n_memory ? &round->shares[i] : found;
    }
    return found;
}

/* Gives up the largest document of the user who has most. */
static void
round_give_up_one(struct round *round)
{
    struct share *share = round_heaviest(round);
    size_t largest = share->places[0];

    for (size_t i = 1; i < share->n_places; i++) {
        size_t place = share->places[i];

        largest = round->booked[place] > round->booked[largest] ? place : largest;
    }
    answer_end(&round->answers[largest], ANSWER_FAILED,
               alloc_format("too large: the documents of all processes may take %zu MiB together",
                            ROUND_MAX_MEMORY >> 20));
    round_book(round, largest);
}

static void
round_keep_limits(struct round *round, struct share *share)
{
    if (share->n_text > SHARE_MAX_TEXT) {
        share_fail_one(round, share);
    }
    if (round->n_text > ROUND_MAX_TEXT) {
        share_fail(round, round_wordiest(round));
    }
    while (round->n_memory > ROUND_MAX_MEMORY && round_heaviest(round)->n_memory > 0) {
        round_give_up_one(round);
    }
}

/* Goes a step on with an answer, and books what it costs. */
static void
round_step(struct round *round, size_t place)
{
    struct share *share = round_share(round, place);
    struct answer *answer = &round->answers[place];
    size_t n_text = answer->n_text;

    answer_step(answer, round->buffer, READ_BYTES < share->turn ? READ_BYTES : share->turn);
    n_text = answer->n_text - n_text;
    share->turn -= n_text;
    share->n_text += n_text;
    round->n_text += n_text;
    round_book(round, place);
    round_keep_limits(round, share);
}

/* Milliseconds until something must be done without an event. */
static int
round_timeout_ms(const struct round *round)
{
    int64_t rest_ns = round->due_ns - clock_now_ns();

    return rest_ns > 0 ? (int)(rest_ns / 1000000) + 1 : 0;
}

/* What is due without an event, and when that will be so again. */
static void
round_tick(struct round *round)
{
    int64_t now_ns = clock_now_ns();

    if (now_ns < round->due_ns) {
        return;
    }
    round->due_ns = INT64_MAX;
    for (size_t i = 0; i < round->n_open; i++) {
        struct answer *answer = &round->answers[round->open[i]];

        if (answer_is_open(answer) && now_ns >= answer->due_ns) {
            answer_tick(answer, now_ns);
        }
        round_book(round, round->open[i]);
    }
}

/* Waits, and goes one step on with each exchange that can, as far as it is its user's turn. */
static void
round_turn(struct round *round)
{
    size_t n = round->n_open;

    for (size_t i = 0; i < n; i++) {
        const struct answer *answer = &round->answers[round->open[i]];

        round->polled[i] = (struct pollfd){.fd = answer->state == ANSWER_TALKING ? answer->fd : -1,
                                           .events = answer_events(answer)};
    }
    for (size_t i = 0; i < round->n_shares; i++) {
        round->shares[i].turn = SHARE_TURN_BYTES;
    }
    poll(round->polled, (nfds_t)n, round_timeout_ms(round));
    round->turn++;
    for (size_t i = 0; i < n; i++) {
        size_t nth = (round->turn + i) % n, place = round->open[nth];
        bool ready = round->polled[nth].revents != 0 && answer_is_open(&round->answers[place]);

        if (ready && round_share(round, place)->turn > 0) {
            round_step(round, place);
        }
    }
    round_tick(round);
    round_close_some(round);
}

/* Those whose turn has never come. */
static void
round_end(struct round *round)
{
    for (size_t i = 0; i < round->n_answers; i++) {
        if (round->answers[i].state == ANSWER_WAITING) {
            answer_end(&round->answers[i], ANSWER_LATE,
                       alloc_copy("not asked: too many others were"));
        }
    }
    round_free(round);
}

void
client_ask(const struct target_list *targets, const struct request *request, struct answer *answers,
           size_t n_memory)
{
    struct round round;

    round_begin(&round, targets, request, answers);
    round.n_memory = n_memory;
    do {
        while (round_start_some(&round)) {
        }
        if (round.n_open > 0) {
            round_turn(&round);
        }
    } while (round.n_open > 0 ||
             (round_count_waiting(&round) > 0 && clock_now_ns() < round.end_ns));
    round_end(&round);
}
