/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiate.h: in which form a scraper wants the metrics.
 */
#ifndef MEMPOOLSTAT_NEGOTIATE_H
#define MEMPOOLSTAT_NEGOTIATE_H

#include "metrics.h"

/**
 * Reads the value of Accept (NULL: there is none). OpenMetrics 1.0 for who names it and wants it at
 * least as much as text/plain; the text format for everybody else.
 */
enum metrics_form negotiate_form(const char *accept);

#endif
