#!/usr/bin/env bash
# Makes sure of programs that Python's package index does not carry: system_packages.sh PROGRAM[=PACKAGE]...
# Says what it installs; where it cannot, says what to install by hand and fails.
set -euo pipefail

missing=()
for item in "$@"; do
    program=${item%%=*}
    command -v "$program" >/dev/null || missing+=("${item#*=}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
if ! command -v apt-get >/dev/null; then
    echo "the tests need ${missing[*]} (names of Debian's packages); please install them" >&2
    exit 2
fi
echo "installing Debian's ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { "${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null; }
# The package lists may be absent or old: fetch them once, then try again.
install 2>/dev/null || { "${as_root[@]}" apt-get update -q >/dev/null && install; } || {
    echo "could not install ${missing[*]}; please run as root: apt-get install ${missing[*]}" >&2
    exit 2
}
