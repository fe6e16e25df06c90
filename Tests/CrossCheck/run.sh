#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compares our CBOR with Python's cbor2, at least 10,000 values both ways: `bash Tests/CrossCheck/run.sh`.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1
. .ci/help "$@"
venv="$root/.build-ci/cbor2"
if ! "$venv/bin/python" -c 'import cbor2' 2>/dev/null; then
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet 'cbor2==6.3.0'
fi
if ! "$venv/bin/python" -c 'import cbor2' 2>/dev/null; then
    echo "could not run: the cross-check with cbor2, which did not install"
    exit 0
fi
RIVET_CBOR2_PYTHON="$venv/bin/python" swift test --filter CrossCheckTests "$@"
