#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is said after an installation, on machines whose loader knows the library, could know it, or
# does not look there. TAP.
# usage: loader_hint.sh HINT
set -eu

hint=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0

# A machine: the directories that its loader looks into, and the files that its cache has.
machine()
{
    cat >"$work/ldconfig" <<END
#!/bin/sh
case \$* in
-p) printf '%s\n' '	libc.so.6 (libc6,x86-64) => /lib/libc.so.6' $2 ;;
'-v -N -X') printf '%s\n' '/lib: (from <builtin>:0)' $1 '	libc.so.6 -> libc.so.6' ;;
*) exit 1 ;;
esac
END
    chmod +x "$work/ldconfig"
}

# says NAME WORD...: the hint has all of these words; none: it says nothing.
says()
{
    name=$1
    shift
    said=$(PATH="$work:$PATH" sh "$hint" /opt/lib libthing.so.1)
    verdict=ok
    if [ $# -eq 0 ] && [ -n "$said" ]; then
        verdict='not ok'
    fi
    for word in "$@"; do
        case $said in
        *"$word"*) ;;
        *) verdict='not ok' ;;
        esac
    done
    n=$((n + 1))
    echo "$verdict $n - $name"
    [ "$verdict" = ok ] || echo "# $said"
}

unset LD_LIBRARY_PATH MESON_INSTALL_QUIET MESON_INSTALL_PREFIX
machine "'/opt/lib: (from /etc/ld.so.conf:1)'" "'	libthing.so.1 (libc6) => /opt/lib/libthing.so.1'"
says 'nothing if the cache has it'
machine "'/opt/lib: (from /etc/ld.so.conf:1)'" ''
says 'ldconfig if the cache may have it' 'As root, run:' '    ldconfig'
machine "'/opt/lib: (from /etc/ld.so.conf:1)'" "'	libthing.so.1 (libc6) => /usr/lib/libthing.so.1'"
says 'the same if it has another one' 'As root, run:' '    ldconfig'
machine "'/opt/lib64: (from /etc/ld.so.conf:1)'" ''
says 'the variable, and the file, if the loader does not look there' \
    'export LD_LIBRARY_PATH=/opt/lib' 'echo /opt/lib >/etc/ld.so.conf.d/'
LD_LIBRARY_PATH=/usr/lib:/opt/lib
export LD_LIBRARY_PATH
says 'nothing if the variable is set'
echo "1..$n"
