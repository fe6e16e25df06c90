#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Type-checks the extras against stubs of what they use of other packages, with the modules that `swift build` left in
# .build/debug: no other package has to be there. Seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ../.ci/help "$@"
[ $# -eq 0 ] || { echo "unknown option $1; --help" >&2; exit 2; }
modules=$(cd .. && pwd)/.build/debug/Modules
[ -e "$modules/RivetAsync.swiftmodule" ] || { echo "no build: \`swift build\` first" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-swift-version 6 -warnings-as-errors)
for stub in Stubs/*.swift; do
    name=$(basename "$stub" .swift)
    swiftc -emit-module -parse-as-library -module-name "$name" "${flags[@]}" "$stub" -o "$work/$name.swiftmodule"
done
for feature in ExistentialAny InternalImportsByDefault NonisolatedNonsendingByDefault; do
    flags+=(-enable-upcoming-feature "$feature")
done
for target in Sources/*; do
    swiftc -typecheck -parse-as-library -module-name "$(basename "$target")" "${flags[@]}" \
        -I "$work" -I "$modules" -I ../Sources/CEpoll/include "$target"/*.swift
    echo "$(basename "$target"): ok"
done
