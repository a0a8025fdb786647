/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"
#include "message.h"

int
listen_run(const struct options *options)
{
    message_print("this mempoolstat was built without --listen; build it with -Dlisten=enabled, "
                  "or let --openmetrics write the metrics");
    return EXIT_NOTHING;
}
