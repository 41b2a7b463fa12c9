# 1.0.2 has a target for each arch, and does not build side by side. Its Configure
# puts the archiver's operation behind AR by itself.
CC=$target-gcc AR=$target-ar RANLIB=$target-ranlib \
  ./Configure "linux-$ARCH" --prefix="$prefix" "$@"
make
make install_sw
