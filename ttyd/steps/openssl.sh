# 1.0.2 has a target for each arch, and does not build side by side.
CC=$target-gcc AR="$target-ar r" RANLIB=$target-ranlib \
  ./Configure "linux-$ARCH" --prefix="$prefix" "$@"
make
make install_sw
