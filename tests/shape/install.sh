#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

# Builds into a scratch prefix, installs, and uses what was installed from every language, with
# nothing from the source or build folder in reach: only the search paths that any prefix outside
# /usr needs. Then installs the usual build into a DESTDIR, and uses the project as a subproject.
# Prints TAP.

src=${MPROC_SOURCE_ROOT:?} build=${MPROC_BUILD_ROOT:?} python=${MPROC_PYTHON:-/usr/bin/python3}
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
prefix=$top/prefix
. "$src/tests/shape/languages.sh"

install_prefix () {
  meson setup "$top/build" "$src" --prefix="$prefix" --buildtype=plain --auto-features=enabled \
    -Dtests=disabled -Dexamples=disabled -Ddocs=disabled -Dfuzzing=disabled -Dbenchmarks=disabled
  meson install -C "$top/build"
}

# What `sh -l` of a user of that prefix would hold.
use_prefix () {
  libdir=$(dirname "$(find "$prefix" -name libmproc-1.so)")
  purelib=$(dirname "$(find "$prefix" -path '*/mproc/__init__.py' -exec dirname {} \;)")
  unset MPROC_PKGDATADIR MPROC_LIBEXECDIR GJS_PATH
  export LD_LIBRARY_PATH="$libdir" GI_TYPELIB_PATH="$libdir/girepository-1.0"
  export PKG_CONFIG_PATH="$libdir/pkgconfig"
  export PYTHONPATH="$purelib"
  export XDG_DATA_DIRS="$prefix/share:/usr/local/share:/usr/share"
  cd "$top"
}

with_prefix () {
  use_prefix
  "$@"
}

# Everything under the prefix, and the files that others look for by name.
with_destdir () {
  meson install -C "$build" --no-rebuild --destdir "$top/dest"
  installed=$(meson introspect "$build" --buildoptions | "$python" -c '
import json, sys
print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
  test "$(find "$top/dest" -type f | grep -vc "^$top/dest$installed/")" = 0
  for name in Mp-1.gir Mp-1.typelib mproc-1.vapi mproc-1.pc mproc.h mp-version.h Mp.py Mp.js \
    mproc-1.devhelp2; do
    echo "looking for $name"
    find "$top/dest" -name "$name" | grep .
  done
  if find "$top/dest" -name '*-private.h' | grep .; then
    return 1
  fi
}

as_subproject () {
  mkdir -p "$top/outer/subprojects"
  ln -s "$src" "$top/outer/subprojects/mproc"
  cp "$top/programs/program.c" "$top/outer/"
  cat >"$top/outer/meson.build" <<'END'
project('outer', 'c', meson_version: '>= 1.0')
mproc = dependency('mproc-1', fallback: 'mproc',
  default_options: ['introspection=disabled', 'vapi=disabled', 'python=disabled', 'gjs=disabled',
                    'docs=disabled'])
executable('program', 'program.c', dependencies: mproc)
END
  meson setup "$top/outer/build" "$top/outer" --buildtype=plain --wrap-mode=forcefallback
  ninja -C "$top/outer/build"
  test "$("$top/outer/build/program")" = 'hello from C'
}

echo 1..7
check 'configure, build and install into a prefix' install_prefix
cp -r "$src/tests/shape/programs" "$top"
check 'C with pkg-config' with_prefix in_c
check 'Vala with the vapi' with_prefix in_vala
check 'Python' with_prefix in_python "$prefix"
check 'GJS' with_prefix in_gjs
check 'DESTDIR' with_destdir
check 'as a subproject' as_subproject
[ "$failures" = 0 ]
