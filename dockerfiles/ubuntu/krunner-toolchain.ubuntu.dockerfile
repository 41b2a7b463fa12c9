# What it takes to compile, trim and relink: the only stage besides the wheels
# that needs the release's archive, so that all others build without a network.
ARG BASE_IMAGE=ubuntu:22.04
FROM ${BASE_IMAGE}

# The compiler and the headers of every library that a module of the standard
# library wants, Tk aside (a kernel has no display), what the volume stage needs
# to trim and relink (binutils, patchelf), and what OpenSSL's build needs (perl).
# Some libraries go by another name in older releases, or come with another
# package: those that there are, are taken.
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    renamed="$(apt-cache search --names-only \
      '^(libgdbm-compat-dev|libncurses-dev|libncursesw5-dev)$' \
      | cut -d ' ' -f 1)"; \
    apt-get install -y --no-install-recommends \
      binutils gcc libc6-dev make patchelf perl pkg-config xz-utils \
      libbz2-dev libffi-dev libgdbm-dev liblzma-dev libreadline-dev \
      libsqlite3-dev libssl-dev uuid-dev zlib1g-dev ${renamed}; \
    apt-get clean; \
    rm -rf /var/lib/apt/lists/*
