cmake_build "$@"
# Before 1.45 there is always a shared library too, which CMake would find first,
# and the static one has a name of its own.
rm -f "$prefix"/lib/libuv.so*
[ -e "$prefix/lib/libuv.a" ] ||
  ln "$prefix/lib/libuv_a.a" "$prefix/lib/libuv.a"
