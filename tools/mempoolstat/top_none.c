/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"
#include "top.h"

int
top_run(const struct options *options)
{
    message_print("this mempoolstat was built without a library for terminals, and so without "
                  "--top; -d reports line by line");
    return EXIT_NOTHING;
}
