# Its configure is no Autoconf's: it takes the compiler from CHOST.
CHOST=$target CFLAGS='-O2 -fPIC' ./configure --prefix="$prefix" "$@"
make -j "$jobs" libz.a
make install
