#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Our calls beside those of a rate program on Rivet's Rust client, in turns, against one engine; prints the ratios.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
    cat <<'TEXT'
Benchmarks/Peers/rates.sh PROGRAM [--rounds N] [--seconds N] [--endpoint URL]

  PROGRAM         the rate program: takes RIVET_ENDPOINT, --seconds and --encoding, prints a JSON line for each case
                  with what, per_second and cpu_us_each
  --rounds N      how often each has its turn, of which the medians count (5)
  --seconds N     how long the program measures each case (1); ours takes about as long
  --endpoint URL  an engine that runs already, with the actor `counter`; else the local engine, on a core of its own where
                  there are two
TEXT
}

rounds=5 seconds=1 endpoint="" program=""
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --endpoint) endpoint=$2; shift 2 ;;
    --help | -h) usage; exit 0 ;;
    -*) echo "unknown option $1; --help lists them" >&2; exit 2 ;;
    *) program=$1; shift ;;
    esac
done
[ -n "$program" ] || { usage >&2; exit 2; }

swift build -c release --product Benchmarks >&2
ours=$(swift build -c release --show-bin-path)/Benchmarks
work=$(mktemp -d)
engine=""
trap 'exec 3>&- || true; [ -z "$engine" ] || wait "$engine" || true; rm -rf "$work"' EXIT
if [ -z "$endpoint" ]; then
    mkfifo "$work/input"
    # It takes the first core.
    "$ours" --serve-engine <"$work/input" >"$work/port" 3>&- &
    engine=$!
    exec 3>"$work/input"
    until [ -s "$work/port" ]; do kill -0 "$engine"; sleep 0.1; done
    endpoint="http://127.0.0.1:$(cat "$work/port")"
fi
client=()
[ "$(nproc)" -lt 2 ] || client=(taskset -c "$(python3 -c 'import os; print(max(os.sched_getaffinity(0)))')")
for round in $(seq "$rounds"); do
    echo "round $round of $rounds" >&2
    RIVET_ENDPOINT=$endpoint "${client[@]}" "$program" --seconds "$seconds" --encoding bare 3>&- >"$work/theirs.$round"
    "${client[@]}" "$ours" --filter calls/ --endpoint "$endpoint" --json "$work/ours.$round" 3>&- >/dev/null
done
python3 - "$work" "$rounds" <<'PYTHON'
import json, statistics, sys
work, rounds = sys.argv[1], int(sys.argv[2])
ours, theirs = {}, {}
for number in range(1, rounds + 1):
    for line in open(f"{work}/theirs.{number}"):
        case = json.loads(line)
        theirs.setdefault(case["what"], []).append((case["per_second"], case["cpu_us_each"]))
    for case in json.load(open(f"{work}/ours.{number}"))["results"]:
        name = case["path"].removeprefix("calls/")
        ours.setdefault(name, []).append((1e9 / case["nanoseconds"], case["cpuNanoseconds"] / 1e3))
median = lambda values, index: statistics.median(value[index] for value in values)
print(f"{'medians of ' + str(rounds) + ' rounds':<38}{'Rust /s':>12}{'ours /s':>12}{'ratio':>8}{'Rust CPU µs':>14}{'ours':>9}{'ratio':>8}")
# Ours twice where the task that waits may prefer the connection's lane.
for name, values in ((name + place, values) for name, values in theirs.items() for place in ("", ", on the lane")):
    mine = ours.get(name)
    if not mine:
        continue
    rate, their_rate, cpu, their_cpu = median(mine, 0), median(values, 0), median(mine, 1), median(values, 1)
    print(f"{name:<38}{their_rate:>12,.0f}{rate:>12,.0f}{rate / their_rate:>8.2f}{their_cpu:>14.2f}{cpu:>9.2f}{cpu / their_cpu:>8.2f}")
PYTHON
