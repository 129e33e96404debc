#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

# In the shell of `meson devenv`, every language finds what is in the build folder. Prints TAP.

src=${MPROC_SOURCE_ROOT:?} build=${MPROC_BUILD_ROOT:?}

if [ "${1:-}" != inside ]; then
  exec env -i HOME="$HOME" PATH="$PATH" LC_ALL=C.UTF-8 \
    MPROC_SOURCE_ROOT="$src" MPROC_BUILD_ROOT="$build" \
    meson devenv -C "$build" sh "$src/tests/shape/devenv.sh" inside
fi

top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
. "$src/tests/shape/languages.sh"
cp -r "$src/tests/shape/programs" "$top"
cd "$top" || exit 1

echo 1..4
check 'C with pkg-config' in_c
check 'Vala with the vapi' in_vala
check 'Python' in_python "$src"
check 'GJS' in_gjs
[ "$failures" = 0 ]
