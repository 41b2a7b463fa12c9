# Compilers that make static programs with musl, for x86_64 and aarch64, out of
# Debian's own packages. The one part of building ttyd that needs the network: an
# engine that has the image builds without any.
ARG BASE_IMAGE=debian:12-slim
FROM ${BASE_IMAGE}
COPY toolchain.sh /opt/ttyd/
RUN sh /opt/ttyd/toolchain.sh
