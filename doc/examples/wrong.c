/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrong.c: mistakes to look for with the tools of doc/debugging.md, one for each argument.
 *
 * Messages are parsed into blocks and put back when they are sent off; retry(), log_later(),
 * fill(), keep() and answer() are the ones that get it wrong.
 */
#include <os/os_mempool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES     8
#define MESSAGE_SIZE 48

static struct os_mempool pool;
static os_membuf_t buffer[OS_MEMPOOL_SIZE(MESSAGES, MESSAGE_SIZE)];
static char *title; /* on the heap until the end, as some things are in every program */

/* Not static: so that reports can name them (with -rdynamic). */
char *parse(const char *text);
void send_off(char *message);
void log_later(char *message);
void retry(char *message);
void fill(char *message, size_t size);
void keep(unsigned n);
void answer(void);

char *
parse(const char *text)
{
    char *message = os_memblock_get(&pool);

    if (message != NULL) {
        strcpy(message, text);
    }
    return message;
}

void
send_off(char *message)
{
    os_memblock_put(&pool, message);
}

/* Forgets that it has sent the message already. */
void
retry(char *message)
{
    os_memblock_put(&pool, message);
}

/* Marks a message that is not its own any more. */
void
log_later(char *message)
{
    message[20] = '*';
}

/* Believes that a message has 64 bytes. */
void
fill(char *message, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        message[i] = ' ';
    }
}

/* Never gives them back. */
void
keep(unsigned n)
{
    while (n > 0 && parse("kept") != NULL) {
        n--;
    }
}

/* Does not ask whether there was a message. */
void
answer(void)
{
    char *message = os_memblock_get(&pool);

    message[0] = '?';
    send_off(message);
}

static void
go_wrong(const char *how)
{
    char *message = parse("hello");

    if (strcmp(how, "double") == 0) {
        send_off(message);
        retry(message);
    } else if (strcmp(how, "late") == 0) {
        send_off(message);
        log_later(message);
        send_off(parse("next"));
    } else if (strcmp(how, "overrun") == 0) {
        fill(message, 64);
        send_off(message);
        send_off(parse("next"));
    } else if (strcmp(how, "leak") == 0) {
        keep(3);
        send_off(message);
        os_mempool_unregister(&pool);
    } else if (strcmp(how, "keep") == 0) {
        keep(MESSAGES);
        printf("no message is left\n");
        fflush(stdout);
        sleep(60);
    } else if (strcmp(how, "answer") == 0) {
        send_off(message);
        for (int i = 0; i < 10; i++) {
            answer();
        }
    } else if (strcmp(how, "forget") == 0) {
        keep(1);
        send_off(message);
        log_later(message);
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: wrong double|late|overrun|leak|keep|answer|forget\n");
        return 64;
    }
    title = strdup("messages");
    if (os_mempool_init(&pool, MESSAGES, MESSAGE_SIZE, buffer, title) != OS_OK) {
        return 1;
    }
    go_wrong(argv[1]);
    return 0;
}
