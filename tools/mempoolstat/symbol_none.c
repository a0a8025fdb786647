/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol.h"

void
symbol_find_lines(struct process *process, int64_t *left_ns)
{
}
