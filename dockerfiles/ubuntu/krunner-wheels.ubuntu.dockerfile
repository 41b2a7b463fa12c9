# Wheels of the kernel runner's dependencies from the package index, in /wheels.
# The volume stage uses that folder and nothing else of this image, so any other
# folder of wheels can take its place (--wheelhouse).
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION=ubuntu22.04
FROM ${IMAGE_PREFIX}-python:${DISTRO_VERSION}

# The volume's own pip chooses, so that each wheel fits its Python and the
# release's C library. No source distributions: what they compile to would
# depend on what happens to be installed here.
COPY requirements.txt /usr/src/krunner/
RUN /opt/backend.ai/bin/python3 -s -m pip download --only-binary :all: \
      --no-cache-dir --disable-pip-version-check --root-user-action ignore \
      --dest /wheels --requirement /usr/src/krunner/requirements.txt
