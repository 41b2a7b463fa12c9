cmake_build "$@"
install -m 755 "$prefix/bin/ttyd" "$out/ttyd"
cp "$root/packages.tsv" "$out/toolchain.tsv"
musl=$(dpkg-query --show --showformat '${Version}' musl-dev:"$(dpkg --print-architecture)")
cp /usr/share/doc/musl-dev/copyright "$out/licenses/musl-${musl%-*}.txt"
