# CPython for the krunner volume, compiled from the release's own source
# tarball into /opt/backend.ai. Everything that `make install` installs is
# still there: the volume stage leaves out what a volume does not need.
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION=debian12
FROM ${IMAGE_PREFIX}-toolchain:${DISTRO_VERSION}

ARG PYTHON_VERSION
COPY recipe/compile_python.sh sources/Python-${PYTHON_VERSION}.t* \
     /usr/src/krunner/

# PGO=1 turns on profile-guided and link-time optimisation, for releases: a
# faster interpreter that takes several times as long to build, and is no longer
# the same bytes each time. expat comes from Debian, which patches it.
ARG PGO=""
RUN sh /usr/src/krunner/compile_python.sh "${PYTHON_VERSION}" \
      --with-system-expat ${PGO:+--enable-optimizations --with-lto}

# setup.py and configure leave out a module whose library they do not find
# without a word: import every one, so that a hole fails the build.
COPY recipe/check_imports.py /usr/src/krunner/
RUN /opt/backend.ai/bin/python3 -I -B /usr/src/krunner/check_imports.py
