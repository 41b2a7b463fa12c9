# What it takes to compile, trim and relink: the only stage besides the wheels
# that needs the release's archive, so that all others build without a network.
ARG BASE_IMAGE=debian:12-slim
FROM ${BASE_IMAGE}

# The compiler and the headers of every library that a module of the standard
# library wants, Tk aside (a kernel has no display), and what the volume stage
# needs to trim and relink (binutils, patchelf).
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      binutils gcc libc6-dev make patchelf pkg-config xz-utils \
      libbz2-dev libcrypt-dev libexpat1-dev libffi-dev libgdbm-compat-dev \
      libgdbm-dev liblzma-dev libncurses-dev libreadline-dev libsqlite3-dev \
      libssl-dev uuid-dev zlib1g-dev \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*
