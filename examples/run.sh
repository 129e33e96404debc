#!/bin/sh
# SPDX-FileCopyrightText: 2026 The mproc authors
# SPDX-License-Identifier: BSD-3-Clause

# Installs what is needed, builds, and runs the same job in four languages on a real folder: the
# SHA-256 sums of every file below it, by as many workers as there are CPUs. Each list is compared
# with the one that coreutils makes.
#
#   sh examples/run.sh [FOLDER]

# A relative FOLDER is the caller's.
case ${1:-/usr/include} in
  /*) folder=${1:-/usr/include} ;;
  *) folder=$PWD/$1 ;;
esac
cd "$(dirname "$0")/.." || exit 1
. .ci/setup.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# What is expected: the same files, the same order of bytes.
find "$folder" -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum |
  LC_ALL=C sort >"$scratch/expected"
files=$(wc -l <"$scratch/expected")
say "$files files below $folder"

failed=0
run () {
  language=$1
  shift
  before=$(date +%s%N)
  meson devenv -C "$mproc_build" "$@" "$folder" >"$scratch/out" </dev/null
  status=$?
  after=$(date +%s%N)
  LC_ALL=C sort "$scratch/out" >"$scratch/sorted"
  if [ "$status" = 0 ] && cmp -s "$scratch/expected" "$scratch/sorted"; then
    verdict='the same as sha256sum'
  else
    verdict="WRONG, exit status $status"
    failed=1
  fi
  printf '%-11s %6d files  %5d ms  %s\n' "$language" "$(wc -l <"$scratch/out")" \
    $(((after - before) / 1000000)) "$verdict"
}

source=$PWD
build=$(cd "$mproc_build" && pwd)
run C "$build/examples/c-checksum"
run Python python3 "$source/examples/checksum.py"
run JavaScript gjs -m "$source/examples/checksum.js"
run Vala "$build/examples/vala-checksum"
head -n 3 "$scratch/out"
exit "$failed"
