#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# readme_check.sh README PROGRAM: fails if the first C program in README is not PROGRAM, which is
# compiled and run. The two comment lines at PROGRAM's head, and the empty one, are not shown.
set -eu

shown=$(awk '/^```c$/ { in_c = 1; next } in_c && /^```$/ { exit } in_c' "$1")
program=$(sed 1,3d "$2")
if [ -z "$shown" ]; then
    echo "$1: no C program in it (a block that begins with \`\`\`c)" >&2
    exit 1
fi
if [ "$shown" != "$program" ]; then
    echo "$1: its C program differs from $2: copy one over the other" >&2
    exit 1
fi
