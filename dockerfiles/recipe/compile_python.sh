#!/bin/sh
# Compiles CPython into /opt/backend.ai from the tarball beside this script:
#
#   compile_python.sh VERSION [CONFIGURE_FLAG ...]
#
# Libraries that compile_library.sh left in /opt/backend.ai are taken before the
# system's.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
version=$1
shift
root=/opt/backend.ai
own=$root/lib/krunner
tarball=$(echo "$here"/Python-"$version".t*)

mkdir /usr/src/python
cd /usr/src/python
tar -xf "$tarball" --strip-components=1
# The build folder and the date (of the release, see SOURCE_DATE_EPOCH of
# reproducible-builds.org, which gcc's __DATE__ obeys) end up in the interpreter
# and in sysconfig: both are fixed.
SOURCE_DATE_EPOCH=$(stat -c %Y Include/patchlevel.h)
export SOURCE_DATE_EPOCH PYTHONHASHSEED=0
export PKG_CONFIG_PATH="$own/pkgconfig"

# - No shared libpython: in a library folder a user's own Python of the same
#   minor version would pick it up.
# - mpdecimal comes with CPython, for not every release has it.
# - The run path is for the compilation only: bundle_libs.py makes it relative.
if [ -d "$own" ]; then set -- "$@" --with-openssl-rpath="$own"; fi
./configure --quiet \
  --prefix="$root" \
  --disable-shared \
  --with-ensurepip=install \
  --with-system-libmpdec=no \
  --with-dbmliborder=gdbm:ndbm \
  "$@"
make --silent -j"$(nproc)"
# The sed takes the three rounds of byte-compiling out of `make install`: the env
# stage compiles what is left at its end, and otherwise.
sed -i 's|\$(PYTHON_FOR_BUILD) -Wi|true|' Makefile
make --silent install
ln -s python3 "$root/bin/python"

mkdir -p "$root/licenses"
cp LICENSE "$root/licenses/CPython"
cp Doc/license.rst "$root/licenses/CPython-incorporated"
cd /
rm -rf /usr/src/python
