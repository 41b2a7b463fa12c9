cmake_build "$@"
# Before 1.45 the static library has a name of its own.
[ -e "$prefix/lib/libuv.a" ] ||
  ln "$prefix/lib/libuv_a.a" "$prefix/lib/libuv.a"
