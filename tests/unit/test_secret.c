/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "common/check.h"

enum { N_THREADS = 4, N_PROCESSES = 8 };

static void *
read_secret(void *arg)
{
    *(uintptr_t *)arg = secret_word();
    return NULL;
}

/* The first test: the word is made by whichever thread comes first. */
static void
threads_that_ask_at_once_get_the_same_word(void **state)
{
    pthread_t threads[N_THREADS];
    uintptr_t words[N_THREADS];

    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_secret, &words[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        assert_true(words[i] == secret_word());
    }
}

static void
the_word_is_odd(void **state)
{
    assert_int_equal(secret_word() % 2, 1);
}

static void
each_owner_has_a_word_of_its_own_that_is_odd(void **state)
{
    enum { N = 100 };
    static char owners[N * N];

    for (unsigned i = 0; i < N; i++) {
        uintptr_t word = secret_of(&owners[i * i]);

        assert_true(word % 2 == 1 && word == secret_of(&owners[i * i]));
        for (unsigned j = 0; j < i; j++) {
            assert_true(word != secret_of(&owners[j * j]));
        }
    }
}

/* Another program image asks anew. */
static uintptr_t
word_of_another_process(const char *self)
{
    int ends[2];
    uintptr_t word = 0;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(self, self, "word", NULL);
        _exit(1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &word, sizeof(word)), sizeof(word));
    close(ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return word;
}

static void
processes_have_different_words(void **state)
{
    uintptr_t words[N_PROCESSES];

    for (int i = 0; i < N_PROCESSES; i++) {
        words[i] = word_of_another_process(*state);
        for (int j = 0; j < i; j++) {
            assert_true(words[i] != words[j]);
        }
    }
}

/* Run again by itself with an argument, it writes its word. */
static int
write_word(void)
{
    uintptr_t word = secret_word();

    return write(STDOUT_FILENO, &word, sizeof(word)) == sizeof(word) ? 0 : 1;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_ask_at_once_get_the_same_word),
        cmocka_unit_test(the_word_is_odd),
        cmocka_unit_test(each_owner_has_a_word_of_its_own_that_is_odd),
        cmocka_unit_test_prestate(processes_have_different_words, argv[0]),
    };

    if (argc > 1) {
        return write_word();
    }
    return check_run("secret", tests, 2, !is_emulated());
}
