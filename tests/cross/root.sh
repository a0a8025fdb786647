#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# root.sh: what programs of another architecture are linked with and find when qemu-user runs them.
#
#   sh tests/cross/root.sh ARCHITECTURE DIRECTORY
#
# Fetches packages of Debian's ARCHITECTURE and unpacks them in DIRECTORY, and writes root.ini there,
# which tells Meson where it is. Nothing is installed, and the machine's own list of architectures
# stays as it is: apt works on a state of its own, with the sources of this machine.
set -eu

packages='libc6 libgcc-s1 libatomic1 libbsd0 libbsd-dev libmd0 libmd-dev libcmocka0 libcmocka-dev'

# This machine's main archive: the address, the release, the component.
sources()
{
    # shellcheck disable=SC2016 # apt's variables
    apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u
}

apt()
{
    apt-get -q -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" \
        -o Dir::Cache="$state/cache" -o Dir::Etc::sourcelist="$state/sources.list" \
        -o Dir::Etc::sourceparts=- -o APT::Architecture="$architecture" \
        -o APT::Architectures="$architecture" -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}

fetch()
{
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/packages"
    : >"$state/status"
    sources >"$state/sources.list"
    apt update
    # shellcheck disable=SC2086 # a list of words
    (cd "$state/packages" && apt download $packages)
}

# Absolute paths, in links and in the linker's scripts, mean this root, not the machine's.
turn_inwards()
{
    find "$root" -type l -lname '/*' | while read -r link; do
        ln -sfn "$root$(readlink "$link")" "$link"
    done
    grep -rlI --include='*.so' 'GNU ld script' "$root/usr/lib" | while read -r script; do
        sed -i "s,\([( ]\)\(/usr/lib/\|/lib/\),\1$root\2,g" "$script"
    done
}

if [ $# -ne 2 ]; then
    echo "usage: sh tests/cross/root.sh ARCHITECTURE DIRECTORY" >&2
    exit 64
fi
architecture=$1
mkdir -p "$2"
root=$(cd "$2" && pwd)
state=$root/.apt
fetch
for package in "$state"/packages/*.deb; do
    dpkg-deb -x "$package" "$root"
done
rm -rf "$state"
turn_inwards
printf "[constants]\nroot = '%s'\n" "$root" >"$root/root.ini"
