# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

# Sourced by tests/run.sh and examples/run.sh, in the top folder: brings what Debian has to bring,
# and configures and builds ./build (or $MPROC_BUILD). Quick when there is nothing to do.
# Messages go to stderr. Nothing reads stdin.

mproc_packages='gcc libc6-dev meson ninja-build pkg-config libglib2.0-dev
  gobject-introspection libgirepository1.0-dev gir1.2-glib-2.0
  python3 python3-dev python3-gi python3-dill gjs valac gi-docgen graphviz procps'

say () {
  echo "── $*" >&2
}

as_root () {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    say "Not root, and no sudo: cannot run $*"
    return 1
  fi
}

missing_packages () {
  for package in $mproc_packages; do
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
      ?i*) ;;
      *) echo "$package" ;;
    esac
  done
}

quietly () {
  "$@" >"$mproc_log" 2>&1 </dev/null || {
    cat "$mproc_log" >&2
    return 1
  }
}

apt () {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@"
}

# Installing is tried with the lists that are there; they are fetched only if that fails.
install_packages () {
  command -v dpkg-query >/dev/null || {
    say 'This is not Debian: what is needed has to be there already'
    return 0
  }
  missing=$(missing_packages | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  say "Installing $missing"
  # shellcheck disable=SC2086 # one word per package
  set -- install --no-install-recommends $missing
  apt "$@" >"$mproc_log" 2>&1 </dev/null || {
    quietly apt update && quietly apt "$@"
  }
}

# A build folder that somebody configured by hand gets what this one has: every feature, and
# warnings as errors.
configure () {
  if [ ! -f "$mproc_build/build.ninja" ]; then
    say "Configuring $mproc_build"
    quietly meson setup "$mproc_build" --werror --fatal-meson-warnings --auto-features=enabled
  elif ! meson introspect --buildoptions "$mproc_build" </dev/null |
    grep -q '"name": "werror", "value": true'; then
    say "Configuring $mproc_build again"
    quietly meson configure "$mproc_build" -Dwerror=true -Dauto_features=enabled
  fi
}

build () {
  say "Building $mproc_build"
  quietly ninja -C "$mproc_build"
}

mproc_build=${MPROC_BUILD:-build}
mproc_log=$(mktemp)
# /usr/bin first: the meson and python3 of the distribution, whatever else is installed.
PATH=/usr/bin:$PATH
export PATH

install_packages && configure && build || {
  say 'Setting up failed'
  rm -f "$mproc_log"
  exit 1
}
rm -f "$mproc_log"
