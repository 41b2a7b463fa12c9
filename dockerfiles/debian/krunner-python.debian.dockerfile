# CPython for the krunner volume, compiled from the release's own source
# tarball into /opt/backend.ai. Everything that `make install` installs is
# still there: the env stage leaves out what a volume does not need.
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION=debian12
FROM ${IMAGE_PREFIX}-toolchain:${DISTRO_VERSION}

ARG PYTHON_VERSION
COPY sources/Python-${PYTHON_VERSION}.t* /usr/src/

# PGO=1 turns on profile-guided and link-time optimisation, for releases: a
# faster interpreter that takes several times as long to build, and is no longer
# the same bytes each time.
ARG PGO=""

# - No shared libpython: in a library folder a user's own Python of the same
#   minor version would pick it up.
# - expat comes from Debian, which patches it; mpdecimal comes with CPython, for
#   not every release has it.
# - The build folder and the date (of the release, see SOURCE_DATE_EPOCH of
#   reproducible-builds.org, which gcc's __DATE__ obeys) end up in the
#   interpreter and in sysconfig: both are fixed.
# - The sed takes the three rounds of byte-compiling out of `make install`: the
#   env stage compiles what is left at its end, and otherwise.
RUN set -eu; \
    mkdir /usr/src/python; \
    cd /usr/src/python; \
    tar -xf /usr/src/Python-"${PYTHON_VERSION}".t* --strip-components=1; \
    SOURCE_DATE_EPOCH="$(stat -c %Y Include/patchlevel.h)"; \
    export SOURCE_DATE_EPOCH PYTHONHASHSEED=0; \
    ./configure --quiet \
      --prefix=/opt/backend.ai \
      --disable-shared \
      --with-ensurepip=install \
      --with-system-expat \
      --with-system-libmpdec=no \
      --with-dbmliborder=gdbm:ndbm \
      ${PGO:+--enable-optimizations --with-lto}; \
    make --silent -j"$(nproc)"; \
    sed -i 's|\$(PYTHON_FOR_BUILD) -Wi|true|' Makefile; \
    make --silent install; \
    ln -s python3 /opt/backend.ai/bin/python; \
    mkdir /opt/backend.ai/licenses; \
    cp LICENSE /opt/backend.ai/licenses/CPython; \
    cp Doc/license.rst /opt/backend.ai/licenses/CPython-incorporated; \
    rm -rf /usr/src/python

# setup.py and configure leave out a module whose library they do not find
# without a word: import every one, so that a hole fails the build.
COPY recipe/check_imports.py /usr/src/krunner/
RUN /opt/backend.ai/bin/python3 -I -B /usr/src/krunner/check_imports.py
