#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -u

usage() {
    cat <<TEXT
usage: Examples/compare.sh ENDPOINT [--key TEXT]

Runs every example on the engine in its own process and on the engine at ENDPOINT, whose actors are written in
JavaScript, and compares what they print, byte for byte. One line for each program; status 1 if one differs or fails.

A program is left out, and a line says so, when it needs an actor that the host of Tests/RealEngineTests/Host does not
have: those actors are in Swift only.

  --key TEXT  the first part of every key there; a fresh one by default, so that each run meets new actors
TEXT
}

endpoint='' key="compare-$(date +%s)-$$"
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit ;;
    --key) key=${2:-} && shift ;;
    -*) echo "compare.sh: unknown option $1" >&2 && usage >&2 && exit 1 ;;
    *) endpoint=$1 ;;
    esac
    shift
done
if [ -z "$endpoint" ] || [ -z "$key" ]; then
    usage >&2
    exit 1
fi

package=$(cd "$(dirname "$0")" && pwd) || exit
# With the options of .ci/run, whose build so serves here too.
swift build --package-path "$package" -Xswiftc -warnings-as-errors >&2 || exit
binaries=$(swift build --package-path "$package" --show-bin-path) || exit
# The package's own list of its executables, as the shell's completion asks for it.
programs=$(swift package --package-path "$package" completion-tool list-executables) || exit
[ -n "$programs" ] || { echo "compare.sh: the package lists no programs" >&2 && exit 1; }

# The names in the last call of `setup`, one a line.
served=$(sed -n '/^setup({/,$p' "$package/../Tests/RealEngineTests/Host/actors.mjs" | grep -oE '\w+' | grep -vxE 'setup|use|start')
[ -n "$served" ] || { echo "compare.sh: the host of Tests/RealEngineTests names no actors" >&2 && exit 1; }

# The actors that a program needs and the host does not have, as its help lists them.
missing() {
    "$binaries/$1" --help | sed -n '/needs these actors:$/{n;s/\.$//;s/, /\n/g;p}' | grep -vxF "$served" | paste -sd' '
}

work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT

# Output and errors of a program, with its status as the last line of the output.
run() {
    local name=$1 output=$2
    shift 2
    # A program for a person ends where its input does.
    "$binaries/$name" "$@" </dev/null >"$work/$output" 2>"$work/$output.errors" || echo "exit status $?" >>"$work/$output"
}

status=0
for program in $programs; do
    begun=$SECONDS
    if lacks=$(missing "$program") && [ -n "$lacks" ]; then
        printf '%-22s left out: the actors in JavaScript have no %s\n' "$program" "$lacks"
        continue
    fi
    (unset RIVET_ENDPOINT && run "$program" local --javascript)
    RIVET_ENDPOINT=$endpoint run "$program" engine --javascript --key "$key"
    if ! difference=$(diff -u --label 'in this process' "$work/local" --label "$endpoint" "$work/engine"); then
        verdict=differs
    elif grep -q '^exit status ' "$work/local"; then
        verdict=fails
    else
        printf '%-22s same, %s lines, %s s\n' "$program" "$(wc -l <"$work/local")" "$((SECONDS - begun))"
        continue
    fi
    status=1
    printf '%-22s %s\n' "$program" "$verdict"
    printf '%s\n' "$difference"
    cat "$work/local.errors" "$work/engine.errors"
done
exit "$status"
