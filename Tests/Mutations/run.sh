#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows that tests of numbered behaviours fail when the source does not do what they say.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
table="$here/mutations.txt"

usage() {
    cat <<'END'
usage: bash Tests/Mutations/run.sh [--list | --check | --together | --help] [NUMBER …]

Breaks the sources at one place for each behaviour of mutations.txt, runs the tests of that number, and expects them to
fail. With numbers only those. It works in a copy of the tree (what git knows and what is new) in a temporary folder,
so nothing here is touched; the first build takes minutes, each further one about one. It ends with a table; the exit
status is 1 when tests stayed green, a text to replace was not found exactly once, or a broken source does not compile,
and 2 when the tests fail before anything is broken.

  --list      the behaviours, what is broken for each, and which tests must see it
  --check     says only whether each text to replace stands in its file exactly once, and each test exists: a second
  --together  breaks all of them at once: one build for all, but a test may be red for what is broken elsewhere
END
}

# edit COMMAND …: reads the table; `apply N DIR` breaks the sources in DIR, `restore N DIR` takes the file from here.
edit() {
    python3 - "$table" "$root" "$@" <<'END'
import pathlib, sys

table, root, command, *rest = sys.argv[1:]
entries = []
for block in pathlib.Path(table).read_text().split("\n\n"):
    lines = [line for line in block.splitlines() if not line.startswith("#")]
    if not lines:
        continue
    number, tests, path, what = [part.strip() for part in lines[0].split("|")]
    old = "\n".join(line[2:] for line in lines[1:] if line.startswith("- "))
    new = "\n".join(line[2:] for line in lines[1:] if line.startswith("+ "))
    if len(lines) != 1 + sum(line[:2] in ("- ", "+ ") for line in lines) or not old:
        sys.exit(f"{number}: a line of mutations.txt begins with neither - nor +")
    entries.append((number, tests, path, what, old, new))

if command == "list":
    wanted = rest
    sources = "\n".join(file.read_text() for file in (pathlib.Path(root) / "Tests").rglob("*.swift"))
    for number in wanted:
        if number not in [entry[0] for entry in entries]:
            sys.exit(f"{number} is not in mutations.txt")
    for number, tests, path, what, old, new in entries:
        # Each text must be there exactly once, whether it is asked for or not.
        count = (pathlib.Path(root) / path).read_text().count(old)
        if count != 1:
            sys.exit(f"{number}: the text to replace stands {count} times in {path}, not once")
        suite, _, function = tests.partition("/")
        if f"struct {suite} " not in sources or function and f"func {function}(" not in sources:
            sys.exit(f"{number}: there is no test {tests}")
        if not wanted or number in wanted:
            print(number, tests, what, sep="\t")
else:
    number, copy = rest
    number, tests, path, what, old, new = next(entry for entry in entries if entry[0] == number)
    if command == "apply":
        text = (pathlib.Path(copy) / path).read_text()
        if text.count(old) != 1:
            sys.exit(f"{number}: another mutation has taken its place in {path}")
        text = text.replace(old, new)
    else:
        text = (pathlib.Path(root) / path).read_text()
    (pathlib.Path(copy) / path).write_text(text)
END
}

together=no
case "${1:-}" in
--together)
    shift
    together=yes
    ;;
--help) usage; exit ;;
--list)
    shift
    edit list "$@" | awk -F'\t' '{ printf "B%-5s %s (%s)\n", $1, $3, $2 }'
    exit "${PIPESTATUS[0]}"
    ;;
--check)
    shift
    rows=$(edit list "$@") || exit 1
    printf -- '--- %d behaviours, all of which can be broken\n' "$(wc -l <<<"$rows")"
    exit
    ;;
-*) usage >&2; exit 1 ;;
esac

rows=$(edit list "$@") || exit 1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM
tree="$copy/tree"
log="$copy/log"
mkdir "$tree"
(cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$tree") || exit 1
cd "$tree" || exit 1

build() { swift build --build-tests >"$log" 2>&1; }
tests() { timeout --kill-after=10 180 swift test --skip-build --filter "$1" >"$log" 2>&1; }

if ! build || ! tests "$(cut -f2 <<<"$rows" | tr '\n' '|' | sed 's/|$//')"; then
    grep -E '✘|error:' "$log" | head -n 20
    echo "the tests fail before anything is broken"
    exit 2
fi

status=0
verdicts=""
count=0
total=$(wc -l <<<"$rows")
if [ $together = yes ]; then
    for number in $(cut -f1 <<<"$rows"); do edit apply "$number" "$tree" || exit 1; done
    if ! build; then
        grep -m 9 'error:' "$log"
        echo "together they do not compile"
        exit 1
    fi
fi
while IFS=$'\t' read -r number filter what <&3; do
    count=$((count + 1))
    [ $together = yes ] || edit apply "$number" "$tree" || exit 1
    if [ $together = no ] && ! build; then
        verdict="does not compile"
        grep -m 3 'error:' "$log"
    elif tests "$filter"; then
        verdict="GREEN"
    else
        verdict="red"
    fi
    [ "$verdict" = red ] || status=1
    line=$(printf 'B%-5s %-16s %s' "$number" "$verdict" "$what")
    printf '[%d/%d] %s\n' "$count" "$total" "$line"
    verdicts+="$line"$'\n'
    [ $together = yes ] || edit restore "$number" "$tree" || exit 1
done 3<<<"$rows"

printf '\n%s' "$verdicts"
printf -- '--- %d behaviours, %d red\n' "$(wc -l <<<"$rows")" "$(grep -c '^B[0-9a-z]* *red' <<<"$verdicts")"
exit $status
