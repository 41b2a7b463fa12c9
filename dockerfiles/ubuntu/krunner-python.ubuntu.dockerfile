# CPython for the krunner volume, compiled from python.org's source tarball into
# /opt/backend.ai, with an OpenSSL and an SQLite of its own where the release's
# are too old. Everything that `make install` installs is still there: the
# volume stage leaves out what a volume does not need.
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION=ubuntu22.04
FROM ${IMAGE_PREFIX}-toolchain:${DISTRO_VERSION}

# Empty where the release's own will do. CPython 3.13 wants OpenSSL 1.1.1 and
# SQLite 3.15.2 or newer: Ubuntu 16.04 has 1.0.2 and 3.11, 18.04 had 1.1.0 when
# it was released. OpenSSL's makers have given up 1.1.1 in 2023, so 18.04 and
# 20.04 get a newer one as well.
ARG OPENSSL_VERSION=""
ARG SQLITE_VERSION=""
ARG PYTHON_VERSION
COPY recipe/compile_library.sh sources/openssl-${OPENSSL_VERSION}.tar.g[z] \
     sources/sqlite-autoconf-${SQLITE_VERSION}.tar.g[z] /usr/src/krunner/
RUN set -eu; \
    compile() { sh /usr/src/krunner/compile_library.sh "$@"; }; \
    [ -z "${OPENSSL_VERSION}" ] || compile openssl "${OPENSSL_VERSION}"; \
    [ -z "${SQLITE_VERSION}" ] || compile sqlite "${SQLITE_VERSION}"

COPY recipe/compile_python.sh sources/Python-${PYTHON_VERSION}.t* \
     /usr/src/krunner/

# PGO=1 turns on profile-guided and link-time optimisation, for releases: a
# faster interpreter that takes several times as long to build, and is no longer
# the same bytes each time.
ARG PGO=""
RUN sh /usr/src/krunner/compile_python.sh "${PYTHON_VERSION}" \
      ${PGO:+--enable-optimizations --with-lto}

# setup.py and configure leave out a module whose library they do not find
# without a word: import every one, so that a hole fails the build.
COPY recipe/check_imports.py /usr/src/krunner/
RUN /opt/backend.ai/bin/python3 -I -B /usr/src/krunner/check_imports.py
