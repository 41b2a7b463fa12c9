#!/bin/sh
# Unpacks the CPython of python-build-standalone that is beside this script into
# /opt/backend.ai, and makes of it what compile_python.sh would have made:
#
#   unpack_standalone.sh RELEASE
set -eu

root=/opt/backend.ai
mkdir -p "$root/licenses" "$root/lib/krunner"
tar -xf "$(dirname "$0")"/cpython-*.tar.gz -C "$root" --strip-components=1

# A shared libpython in lib/ is what a user's own Python of the same minor version
# would pick up. bundle_libs.py points to the new place what needs it.
for library in "$root"/lib/libpython3*.so*; do
  if [ -e "$library" ]; then mv "$library" "$root/lib/krunner/"; fi
done

# The interpreter runs before that.
interpreter=$(readlink -f "$root/bin/python3")
if patchelf --print-needed "$interpreter" | grep -q libpython; then
  patchelf --force-rpath --set-rpath "\$ORIGIN/../lib/krunner" "$interpreter"
fi
[ -e "$root/bin/python" ] || ln -s python3 "$root/bin/python"

# Its archive of this kind has no licence texts but CPython's. The libraries that
# are linked into it are those that this system has packages of: their copyright
# files stand in.
cp "$root"/lib/python3.*/LICENSE.txt "$root/licenses/CPython"
texts=$root/licenses/python-build-standalone
mkdir "$texts"
for package in libbz2-dev libffi-dev liblzma-dev libncurses-dev libsqlite3-dev \
  libssl-dev uuid-dev zlib1g-dev; do
  cp "/usr/share/doc/$package/copyright" "$texts/$package"
done
printf 'python-build-standalone\t%s\tNOASSERTION\n' "$1" \
  > "$root/licenses/sources.tsv"
