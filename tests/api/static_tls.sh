#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shared library may be opened at run time: it asks for no static TLS, of which a process has
# little left then, and it is never unloaded under threads that it knows. Speaks TAP.
# usage: static_tls.sh LIBRARY
set -u

dynamic=$(LC_ALL=C readelf -dW "$1") || exit 1
relocations=$(LC_ALL=C readelf -rW "$1") || exit 1

report() { # STATUS WORDS
    if [ "$1" -eq 0 ]; then
        echo "ok $2"
    else
        echo "not ok $2"
    fi
}

echo 1..3
! echo "$dynamic" | grep -q STATIC_TLS
report $? "1 - no STATIC_TLS flag"
! echo "$relocations" | grep -q 'TPOFF\|TPREL'
report $? "2 - no relocation of the initial-exec model"
echo "$dynamic" | grep -q NODELETE
report $? "3 - NODELETE"
