#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# How large a program with RivetAsync is, and how long it takes to build: the example Counter from a fresh clone, as it
# comes, for size, and as small as the toolchain makes it by options alone. Takes three cold release builds, some minutes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/.ci/help" "$@"
[ $# -eq 0 ] || { echo "unknown option $1; --help" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet "$root" "$work/clone"
cd "$work/clone/Examples"

# measure WORDS OPTION …: a cold build with these options.
measure() {
    local words=$1 start program
    shift
    rm -rf .build
    start=$(date +%s.%N)
    swift build -c release --product Counter "$@" >&2
    local seconds
    seconds=$(echo "$(date +%s.%N) $start" | awk '{ print $1 - $2 }')
    program=$(swift build -c release --show-bin-path)/Counter
    strip -o "$work/stripped" "$program"
    # That it still runs.
    "$work/stripped" > "$work/output" 2>&1 || { cat "$work/output" >&2; return 1; }
    printf '%s: cold release build in %.0f s on %d cores; %.2f MB, stripped %.2f MB\n' "$words" "$seconds" "$(nproc)" \
        "$(stat -c %s "$program" | awk '{ print $1 / 1e6 }')" "$(stat -c %s "$work/stripped" | awk '{ print $1 / 1e6 }')"
}

echo "Counter, with client, local engine and example, without the runtime's libraries"
measure "as it comes"
# Code for size; what is the same twice, or is used by nobody, once and not at all; no line tables, whose unwinding
# information stays in a stripped program.
size=(-Xswiftc -Osize -Xswiftc -Xfrontend -Xswiftc -function-sections -debug-info-format none
    -Xswiftc -use-ld=lld -Xlinker --icf=all -Xlinker -z -Xlinker pack-relative-relocs)
measure "for size" "${size[@]}"
# And each file for itself, so that nothing generic of one is made anew for another; half of them on each core.
measure "as small as options make it" "${size[@]}" -Xswiftc -no-whole-module-optimization \
    -Xswiftc -enable-batch-mode -Xswiftc -driver-batch-count -Xswiftc 2
