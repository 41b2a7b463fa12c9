# CPython of python-build-standalone, which runs with glibc 2.17 and newer: it
# is compiled in a far older system than any base image here.
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION=static-gnu
FROM ${IMAGE_PREFIX}-toolchain:${DISTRO_VERSION}

ARG ARCH
ARG PYTHON_VERSION
# The release of python-build-standalone, which is a date.
ARG STANDALONE
COPY sources/cpython-${PYTHON_VERSION}+${STANDALONE}-${ARCH}-unknown-linux-gnu-install_only_stripped.tar.gz \
     recipe/unpack_standalone.sh /usr/src/krunner/
RUN sh /usr/src/krunner/unpack_standalone.sh "${STANDALONE}"

COPY recipe/check_imports.py /usr/src/krunner/
# Its makers leave out _gdbm, for its licence.
RUN /opt/backend.ai/bin/python3 -I -B /usr/src/krunner/check_imports.py _gdbm
