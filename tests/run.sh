#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

# Installs what is needed, builds with warnings as errors, runs every test. The last line says how
# many cases passed and failed; the exit status is 0 only if none failed.
#
#   sh tests/run.sh [ARGUMENT OF meson test]…

cd "$(dirname "$0")/.." || exit 1
. .ci/setup.sh

say 'Testing'
meson test -C "$mproc_build" --no-rebuild --print-errorlogs "$@" </dev/null
status=$?

/usr/bin/python3 tests/summary.py "$mproc_build/meson-logs/testlog.json" || status=1
exit "$status"
