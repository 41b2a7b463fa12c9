#!/bin/sh
# Compiles a library that a release has too old a version of, from the tarball
# beside this script, into the volume's own folder of libraries:
#
#   compile_library.sh openssl|sqlite VERSION
#
# VERSION is as in the tarball's name: 3.5.9, 3530400. What it is and what its
# makers allow stands in licenses/sources.tsv and licenses/{library}/ afterwards.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
library=$1
version=$2
root=/opt/backend.ai
own=$root/lib/krunner
build=/usr/src/$library
licenses=$root/licenses

# note VERSION LICENCE: a line for what is in the volume but in no package.
note() {
  mkdir -p "$licenses"
  printf '%s\t%s\t%s\n' "$library" "$1" "$2" >> "$licenses/sources.tsv"
}

compile_openssl() {
  SOURCE_DATE_EPOCH=$(stat -c %Y VERSION.dat)
  export SOURCE_DATE_EPOCH
  # Certificates are to be those of the container, as for the distribution's own
  # OpenSSL. No modules: their folder would be an absolute path in the library.
  ./Configure --prefix="$root" --libdir="$own" --openssldir=/usr/lib/ssl \
    shared no-apps no-docs no-module no-tests -Wl,-rpath,"$own" >/dev/null
  make --silent -j"$(nproc)" build_libs
  make --silent install_dev >/dev/null
  note "$version" Apache-2.0
  install -D -m 644 -t "$licenses/openssl" LICENSE.txt
}

# The flags are Debian's, as far as Python's sqlite3 can make use of them.
compile_sqlite() {
  mkdir -p "$own/pkgconfig" "$root/include"
  gcc -shared -fPIC -O2 -DSQLITE_ENABLE_COLUMN_METADATA \
    -DSQLITE_ENABLE_DBSTAT_VTAB -DSQLITE_ENABLE_FTS3 \
    -DSQLITE_ENABLE_FTS3_PARENTHESIS -DSQLITE_ENABLE_FTS4 \
    -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_MATH_FUNCTIONS \
    -DSQLITE_ENABLE_RTREE -DSQLITE_SECURE_DELETE -DSQLITE_USE_URI \
    -Wl,-soname,libsqlite3.so.0 -o "$own/libsqlite3.so.0" \
    sqlite3.c -lm -ldl -lpthread
  ln -s libsqlite3.so.0 "$own/libsqlite3.so"
  cp sqlite3.h sqlite3ext.h "$root/include/"
  dotted=$(sed -n 's/^#define SQLITE_VERSION  *"\(.*\)"$/\1/p' sqlite3.h)
  cat > "$own/pkgconfig/sqlite3.pc" <<END
Name: SQLite
Description: SQL database engine
Version: $dotted
Libs: -L$own -Wl,-rpath,$own -lsqlite3
Cflags: -I$root/include
END
  note "$dotted" blessing
  # The notice at the head of the file is all that its makers say of it.
  mkdir -p "$licenses/sqlite"
  sed '/\*\*\*\*/q' sqlite3.h > "$licenses/sqlite/NOTICE"
}

tarball=$(echo "$here/$library"*-"$version".tar.gz)
mkdir "$build"
cd "$build"
tar -xf "$tarball" --strip-components=1
"compile_$library"
strip --strip-unneeded "$own"/*.so.*
cd /
rm -rf "$build"
