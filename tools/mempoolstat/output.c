/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "message.h"

#define OUTPUT_BUFFER_BYTES ((size_t)64 << 10)

/* The first failure to write what is printed; 0: none. One report is made at a time. */
static int output_error;

void
output_occupy_streams(void)
{
    int fd;

    /* For reading only: what is written to the stand-in of a closed stdout fails, as it should. */
    do {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

static bool
environment_says(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0';
}

bool
output_takes_colour(void)
{
    return isatty(STDOUT_FILENO) == 1 && !environment_says("NO_COLOR") &&
           environment_says("TERM") && strcmp(getenv("TERM"), "dumb") != 0;
}

/* The exit status after stdout has failed with an errno (0: it has not). */
static int
output_status(int error)
{
    if (error == 0 || (error == EINTR && clock_was_interrupted())) {
        return EXIT_FINE;
    }
    /* The reader, head(1) perhaps, has had enough and knows it. */
    if (error != EPIPE) {
        message_print("cannot write to standard output: %s", strerror(error));
    }
    return EXIT_NOTHING;
}

/* Returns 0 or an errno; EINTR only where the user wants to end. */
static int
output_write(const char *bytes, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, n_bytes);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        bytes += n > 0 ? n : 0;
        n_bytes -= n > 0 ? (size_t)n : 0;
        /* A write that blocks is cut short by the signal, and would block again. */
        if (n_bytes > 0 && clock_was_interrupted()) {
            return EINTR;
        }
    }
    return 0;
}

/* Takes what the stream's buffer holds. Once that has failed, nothing is written any more. */
static ssize_t
output_take(void *cookie, const char *bytes, size_t n_bytes)
{
    if (output_error == 0) {
        output_error = output_write(bytes, n_bytes);
    }
    return output_error == 0 ? (ssize_t)n_bytes : 0;
}

FILE *
output_begin(void)
{
    FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = output_take});

    if (stream == NULL || setvbuf(stream, NULL, _IOFBF, OUTPUT_BUFFER_BYTES) != 0) {
        message_print("out of memory");
        _Exit(EXIT_NOTHING);
    }
    output_error = 0;
    return stream;
}

int
output_finish(FILE *stream)
{
    fclose(stream);
    return output_status(output_error);
}

int
output_close(void)
{
    return output_status(close(STDOUT_FILENO) == 0 ? 0 : errno);
}
