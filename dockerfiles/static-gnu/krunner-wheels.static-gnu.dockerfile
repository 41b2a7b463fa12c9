# Wheels of the kernel runner's dependencies from the package index, in /wheels.
# The volume stage uses that folder and nothing else of this image, so any other
# folder of wheels can take its place (--wheelhouse).
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION=static-gnu
ARG PYTHON_STAGE=python
FROM ${IMAGE_PREFIX}-${PYTHON_STAGE}:${DISTRO_VERSION}

# Those for glibc 2.17, whatever this image has.
ARG ARCH
COPY requirements.txt /usr/src/krunner/
RUN set -eu; \
    python=/opt/backend.ai/bin/python3; \
    "${python}" -s -m pip download --only-binary :all: \
      --platform "manylinux2014_${ARCH}" --implementation cp \
      --python-version "$("${python}" -c \
        'import sys; print("%d.%d" % sys.version_info[:2])')" \
      --no-cache-dir --disable-pip-version-check --root-user-action ignore \
      --dest /wheels --requirement /usr/src/krunner/requirements.txt
