#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# `bash Fuzzing/run.sh SECONDS [TARGET…]` fuzzes each target (all of them, unless named) for so long, one on each core.
# The library's sources and the entry are compiled into one program. A finding stays in .build-fuzz/; it becomes a
# row of a test's table.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. .ci/help "$@"
seconds=${1:-15}
shift
work=.build-fuzz
mkdir -p "$work/seeds" || exit

# The bytes of the vectors and of the recordings are where the fuzzer begins.
if [ ! -e "$work/seeds/done" ]; then
    number=0
    grep -rhoE '"hex": *"[0-9a-f]+"' Tests/RivetAsyncTests/Vectors | cut -d'"' -f4 | sort -u |
        awk 'length >= 4 && length <= 4000 && length % 2 == 0 { gsub(/../, "\\x&"); print }' | while read -r escapes; do
            number=$((number + 1))
            # shellcheck disable=SC2059
            printf "$escapes" >"$work/seeds/$number"
        done
    touch "$work/seeds/done"
fi

mapfile -t sources < <(find Sources/RivetAsync -name '*.swift' | sort)
swiftc -O -whole-module-optimization -num-threads "$(nproc)" -sanitize=fuzzer,address -parse-as-library \
    -module-name RivetFuzzing -package-name rivetasync -swift-version 6 -I Sources/CEpoll/include \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility \
    -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature NonisolatedNonsendingByDefault \
    -enable-upcoming-feature InferIsolatedConformances \
    "${sources[@]}" Fuzzing/Fuzzing.swift -o "$work/fuzz" 2>&1 | grep -v 'Cannot export local symbol'
[ "${PIPESTATUS[0]}" -eq 0 ] || exit 1

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    # The cases of the enumeration are the targets.
    mapfile -t targets < <(sed -n '/^enum FuzzTarget/,/func /s/^    case //p' Fuzzing/Fuzzing.swift | tr -d ' ' | tr ',' '\n')
fi

fuzz() {
    local target=$1 log="$work/$1.log" result
    mkdir -p "$work/corpus-$target"
    RIVET_FUZZ_TARGET=$target "$work/fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
        -malloc_limit_mb=256 -artifact_prefix="$work/$target-" -print_final_stats=1 \
        "$work/corpus-$target" "$work/seeds" >"$log" 2>&1
    result=$?
    printf '%-16s %s inputs, exit %d, seed %s\n' "$target" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$result" "$(sed -n 's/^INFO: Seed: *//p' "$log")"
    [ $result -eq 0 ] || { tail -n 40 "$log"; return 1; }
}
export -f fuzz
export work seconds
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}'
