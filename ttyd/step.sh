#!/bin/sh
# One step: unpacks source.tar, edits it, builds it for ARCH into the prefix that
# the next steps look into, and keeps its licence texts. Runs in the toolchain's
# image, with what build.sh of the step does in between.
set -eu
root=/opt/ttyd
step=$root/step
# ARCH, NAME and VERSION.
. "$step/step.env"
target=$ARCH-linux-musl
prefix=$root/$target
source=$root/source
out=$root/out
export PATH="$root/bin:$PATH"
# For sources that put the time of their build in. 0 would count as none in Perl.
export SOURCE_DATE_EPOCH=1 LC_ALL=C TZ=UTC
jobs=$(nproc)

say() { printf '== %s %s: %s\n' "$NAME" "$VERSION" "$1"; }
die() {
  printf 'error: %s %s: %s\n' "$NAME" "$VERSION" "$1" >&2
  exit 1
}

# edit FILE SED WHAT: an edit that changes nothing has lost its reason.
edit() {
  [ -f "$1" ] || die "cannot edit \"$1\" ($3): there is no such file"
  sed "$2" "$1" >"$step/edited"
  if cmp -s "$1" "$step/edited"; then
    die "cannot edit \"$1\" ($3): \"$2\" changes nothing; see whether this version still needs it"
  fi
  say "edit of $1: $3"
  diff -U0 "$1" "$step/edited" | grep '^[+-][^+-]' || true
  cat "$step/edited" >"$1"
}

# What every CMake project here is given. The policy is for CMake 4, which takes
# nothing older.
cmake_build() {
  mkdir "$source/krunner-build"
  cd "$source/krunner-build"
  cmake -DCMAKE_TOOLCHAIN_FILE="$root/$target.cmake" \
    -DCMAKE_BUILD_TYPE=RELEASE -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POLICY_VERSION_MINIMUM=3.5 \
    "$@" ..
  make -j "$jobs" install
}

say 'unpack'
mkdir -p "$source" "$out/licenses"
tar --extract --file "$step/source.tar" --directory "$source" \
  --strip-components 1 --no-same-owner
cd "$source"

while IFS='	' read -r file script what; do
  edit "$file" "$script" "$what"
done <"$step/edits.tsv"

say 'build'
# One flag a line, for a flag may have blanks in it.
set --
while IFS= read -r flag; do set -- "$@" "$flag"; done <"$step/flags.txt"
. "$step/build.sh"

say 'licences'
cd "$source"
while IFS= read -r file; do
  [ -s "$file" ] || die "cannot keep its licence: there is no \"$file\""
  cat "$file"
  echo
done <"$step/licences.txt" >"$out/licenses/$NAME-$VERSION.txt"

cd /
rm -rf "$source" "$step"
say 'done'
