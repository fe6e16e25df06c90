#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the virtual environment of Autobahn's test suite, which runs on Python 2.7 only, in .venv-autobahn.
# Needs python2.7 (PATH or pyenv) and a package registry. Exit code 3: one of them is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/help "$@"
environment=.venv-autobahn

if [ -x "$environment/bin/wstest" ] && "$environment/bin/wstest" --help >/dev/null 2>&1; then exit 0; fi

python=
for candidate in "$(command -v python2.7 || true)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python2.7; do
    # pyenv's stand-in in PATH may have no version behind it.
    if [ -x "$candidate" ] && "$candidate" -c '' >/dev/null 2>&1; then python=$candidate; fi
done
if [ -z "$python" ]; then
    echo "autobahn: no python2.7 in PATH or pyenv (pyenv install 2.7.18)" >&2
    exit 3
fi

rm -rf "$environment"
# virtualenv 20.21 is the last that can make an environment for Python 2.7; it can run on either Python.
if ! "$python" -m virtualenv --version >/dev/null 2>&1; then
    "$python" -m pip install --quiet --disable-pip-version-check --user 'virtualenv<20.22' || {
        echo "autobahn: virtualenv could not be installed" >&2
        exit 3
    }
fi
"$python" -m virtualenv --quiet "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check -r Tests/Autobahn/requirements.txt || {
    rm -rf "$environment"
    echo "autobahn: the packages could not be installed" >&2
    exit 3
}
"$environment/bin/wstest" --help >/dev/null
