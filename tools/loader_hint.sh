#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# loader_hint.sh: runs at the end of an installation, and says what is left to do before programs
# find the library. glibc's loader looks into its cache, and not into directories like /usr/local/lib.
#
#   sh tools/loader_hint.sh DIRECTORY FILE
#
# Says nothing if the loader will find FILE in DIRECTORY. Changes nothing.
set -eu

directory=$1
file=$2
# Where users do not look for programs.
PATH=$PATH:/usr/sbin:/sbin

case :${LD_LIBRARY_PATH:-}: in
*":$directory:"*) exit 0 ;;
esac
# Other loaders have no cache.
if ! command -v ldconfig >/dev/null || ldconfig -p 2>/dev/null | grep -qF "=> $directory/$file"; then
    exit 0
fi
if [ -n "${MESON_INSTALL_QUIET:-}" ]; then
    exit 0
fi
# Meson prints what a script says only if it fails, so this goes where Meson prints: to a terminal or
# a pipe, as a regular file would be written by both at once.
if [ -n "${MESON_INSTALL_PREFIX:-}" ]; then
    for stream in "/proc/$PPID/fd/1" "/proc/$PPID/fd/2"; do
        if [ -w "$stream" ] && [ ! -f "$stream" ]; then
            exec >"$stream"
            break
        fi
    done
fi
echo
# The directories that the cache is made of, each followed by a colon.
if ldconfig -v -N -X 2>/dev/null | grep -q "^$directory:"; then
    echo "Programs find the library once the loader knows of it. As root, run:"
    echo "    ldconfig"
else
    echo "The loader does not look into $directory. For one shell, set:"
    echo "    export LD_LIBRARY_PATH=$directory"
    echo "For all programs, as root, run:"
    echo "    echo $directory >/etc/ld.so.conf.d/osmempool.conf && ldconfig"
fi
