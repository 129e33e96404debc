# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

# Sourced by install.sh and devenv.sh: uses mproc from four languages, as a user's program would,
# with whatever the search paths say. Each program has to be found in ./programs.

number=0 failures=0

# Prints TAP; what went wrong goes to stderr. Not `if (…)`: there the shell would ignore set -e.
check () {
  name=$1
  shift
  number=$((number + 1))
  (
    set -e
    "$@"
  ) >"$top/log" 2>&1 </dev/null
  status=$?
  if [ "$status" = 0 ]; then
    echo "ok $number $name"
  else
    cat "$top/log" >&2
    echo "not ok $number $name"
    failures=$((failures + 1))
  fi
}

in_c () {
  # shellcheck disable=SC2046 # flags are words
  cc -Wall -Werror -o c-program programs/program.c $(pkg-config --cflags --libs mproc-1)
  test "$(./c-program)" = 'hello from C'
}

in_vala () {
  valac -o vala-program --pkg mproc-1 programs/program.vala
  test "$(./vala-program)" = 'hello from Vala'
}

# A worker of the pool is forked; a manager needs its server, a program of the library.
in_python () {
  test "$("${python:-python3}" programs/program.py "$1")" = 'hello from Python'
}

# The pool's workers are spawned, and load the worker program of the library.
in_gjs () {
  test "$(gjs -m programs/program.js)" = 'hello from GJS'
}
