#!/bin/sh
# Makes the toolchain in a Debian container: for each arch ARCH-linux-musl-gcc and
# its tools in /opt/ttyd/bin, a CMake toolchain file, and the versions of the
# packages that end up in a binary in packages.tsv.
set -eu
root=/opt/ttyd
native=$(dpkg --print-architecture)

packages="bzip2 cmake make perl xxd xz-utils gcc libc6-dev"
for debian in amd64 arm64; do
  packages="$packages musl-dev:$debian"
  [ "$debian" != "$native" ] || continue
  dpkg --add-architecture "$debian"
  packages="$packages libc6-dev-$debian-cross"
  case $debian in
    amd64) packages="$packages gcc-x86-64-linux-gnu" ;;
    arm64) packages="$packages gcc-aarch64-linux-gnu" ;;
  esac
done
apt-get -qq update
# A container that fails is thrown away: nothing has to reach the disk at once.
# shellcheck disable=SC2086 # one word a package
DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes \
  --no-install-recommends -o DPkg::Options::=--force-unsafe-io $packages
rm -rf /var/lib/apt/lists/*

mkdir -p $root/bin
for pair in x86_64:amd64 aarch64:arm64; do
  arch=${pair%:*}
  target=$arch-linux-musl
  for tool in ar nm ranlib strip; do
    ln -s "/usr/bin/$arch-linux-gnu-$tool" "$root/bin/$target-$tool"
  done

  # The kernel's headers, beside which the GNU C library's must not be seen.
  if [ "${pair#*:}" = "$native" ]; then
    headers=/usr/include
    asm=/usr/include/$arch-linux-gnu/asm
  else
    headers=/usr/$arch-linux-gnu/include
    asm=$headers/asm
  fi
  mkdir -p "$root/kernel/$arch"
  ln -s "$headers/linux" "$headers/asm-generic" "$asm" "$root/kernel/$arch"

  # Without the flag GCC calls helpers of libgcc that ask the GNU C library
  # which instructions there are.
  flags=
  [ "$arch" != aarch64 ] || flags=-mno-outline-atomics
  cat >"$root/bin/$target-gcc" <<EOF
#!/bin/sh
exec /usr/bin/$target-gcc "\$@" -idirafter $root/kernel/$arch $flags
EOF
  chmod 755 "$root/bin/$target-gcc"

  # CMake finds what the steps before have made, and nothing of the container's.
  cat >"$root/$target.cmake" <<EOF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR $arch)
set(CMAKE_C_COMPILER $root/bin/$target-gcc)
set(CMAKE_AR $root/bin/$target-ar)
set(CMAKE_RANLIB $root/bin/$target-ranlib)
set(CMAKE_FIND_ROOT_PATH $root/$target)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(OPENSSL_USE_STATIC_LIBS TRUE)
EOF
done

# What compiles, and what of it ends up in a binary. Names that are known and not
# installed have no version.
dpkg-query --show --showformat '${Package}:${Architecture}\t${Version}\n' \
  'binutils*' cmake 'gcc*' 'musl-dev*' | grep -v '	$' | sort >$root/packages.tsv
