#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh: installs the Debian 12 packages that building, testing and measuring need.
#
#   sh tools/deps.sh [--list] [build|bench|test|cross]...      default: all but cross
#
# Asks apt only for what is missing. Needs root, or sudo; has no questions.
set -eu

say()
{
    echo "deps.sh: $*" >&2
}

# gcc-multilib stands in no group: it cannot be installed beside the cross compilers of group cross.
packages_of()
{
    case $1 in
    build)
        echo gcc libc6-dev meson ninja-build pkg-config libbsd-dev libjansson-dev \
            libdw-dev libncurses-dev libmicrohttpd-dev
        ;;
    # The allocators that the benchmark compares with, and what draws its charts.
    bench)
        echo libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 gnuplot-nox
        ;;
    # libc6-dbg: without it Valgrind cannot name, and partly not replace, functions of libc.
    test)
        echo libcmocka-dev valgrind libc6-dbg clang libclang-rt-14-dev g++ python3 strace \
            mandoc procps git clang-format shellcheck binutils util-linux tmux gdb lld \
            bpftrace linux-perf spin \
            prometheus python3-prometheus-client systemd zsh fish
        ;;
    # Compilers for other architectures, and what runs their programs; tests/cross/root.sh fetches
    # the libraries.
    cross)
        echo gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-powerpc64le-linux-gnu \
            libc6-dev-ppc64el-cross qemu-user
        ;;
    *)
        say "there is no group '$1'; the groups are build, bench, test and cross"
        exit 64
        ;;
    esac
}

is_installed()
{
    dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q ' installed$'
}

missing_of()
{
    for package in "$@"; do
        if ! is_installed "$package"; then
            printf ' %s' "$package"
        fi
    done
}

# Runs a command as root, without a terminal.
as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@" </dev/null
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@" </dev/null
    fi
}

apt()
{
    as_root apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120 "$@" >&2
}

# Each list through an assignment: in a pipe the failure of packages_of would be lost.
collect()
{
    collected=
    for group in "$@"; do
        packages=$(packages_of "$group")
        collected="$collected $packages"
    done
    echo "$collected" | tr ' ' '\n' | sed '/^$/d' | sort -u
}

# Prometheus brings a service, of which only the programs are wanted. While it is installed nothing
# may start, unless the machine has a policy of its own.
policy=/usr/sbin/policy-rc.d

forbid_services()
{
    if [ ! -e $policy ]; then
        trap 'as_root rm -f $policy' EXIT
        trap 'exit 130' INT TERM HUP
        as_root sh -c "printf '#!/bin/sh\\nexit 101\\n' >$policy && chmod 755 $policy"
    fi
}

# Not at the next boot either; and not now, if that policy has let it start.
silence_prometheus()
{
    as_root update-rc.d prometheus disable >&2 || true
    as_root invoke-rc.d prometheus stop >/dev/null 2>&1 || true
}

install_packages()
{
    case " $* " in
    *" prometheus "*) forbid_services ;;
    esac
    apt install -y --no-install-recommends --no-remove "$@" || return 1
    case " $* " in
    *" prometheus "*) silence_prometheus ;;
    esac
}

install_command="apt-get install -y --no-install-recommends"

main()
{
    list=no
    if [ "${1:-}" = --list ]; then
        list=yes
        shift
    fi
    if [ $# -eq 0 ]; then
        set -- build bench test
    fi
    wanted=$(collect "$@")
    if [ $list = yes ]; then
        echo "$wanted"
        return 0
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        say "this is no Debian system; install what these Debian 12 packages hold:"
        say "$(echo "$wanted" | tr '\n' ' ')"
        return 1
    fi
    # shellcheck disable=SC2086 # a list of words
    missing=$(missing_of $wanted)
    if [ -z "$missing" ]; then
        say "everything is installed (groups: $*)"
        return 0
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        say "packages are missing; run as root:  $install_command$missing"
        return 1
    fi
    say "installing:$missing"
    if ! apt update; then
        say "apt-get update failed; make the package sources of this machine work, then try again"
        return 1
    fi
    # shellcheck disable=SC2086
    if ! install_packages $missing; then
        say "apt-get failed; the same by hand:  $install_command$missing"
        return 1
    fi
    say "installed:$missing"
}

main "$@"
