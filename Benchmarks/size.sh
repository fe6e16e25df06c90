#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# How large a program with RivetAsync is, and how long it takes to build: the example Counter from a fresh clone.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/.ci/help" "$@"
[ $# -eq 0 ] || { echo "unknown option $1; --help" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet "$root" "$work/clone"
cd "$work/clone/Examples"
start=$(date +%s.%N)
swift build -c release --product Counter >&2
end=$(date +%s.%N)
program=$(swift build -c release --show-bin-path)/Counter
strip -o "$work/stripped" "$program"
awk -v seconds="$(echo "$end $start" | awk '{print $1 - $2}')" -v cores="$(nproc)" \
    -v whole="$(stat -c %s "$program")" -v stripped="$(stat -c %s "$work/stripped")" 'BEGIN {
    printf "cold release build: %.0f s on %d cores\n", seconds, cores
    printf "Counter, with client, local engine and example: %.2f MB, stripped %.2f MB, without the runtime'"'"'s libraries\n",
        whole / 1e6, stripped / 1e6
}'
