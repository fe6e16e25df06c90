#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs Autobahn's suite both ways against the tests built in release, and fails where a result is worse than in
# expected-results.json. `--update` writes the results there. Exit code 3: it could not be set up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/help "$@"
Tests/Autobahn/setup.sh
[ "${1:-}" != --update ] || export RIVET_AUTOBAHN_UPDATE=1
RIVET_AUTOBAHN=$PWD/.venv-autobahn/bin/wstest \
    swift test -c release --filter AutobahnTests
