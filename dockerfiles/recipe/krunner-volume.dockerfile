# The volume in /opt/backend.ai: CPython of the python stage, packages of the
# wheels stage, ttyd if there is one, trimmed and relinked. The env stage puts it
# into the bare base image. Families link to this file.
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION
# The stage that CPython comes from.
ARG PYTHON_STAGE=python

FROM ${IMAGE_PREFIX}-wheels:${DISTRO_VERSION} AS wheels

FROM ${IMAGE_PREFIX}-${PYTHON_STAGE}:${DISTRO_VERSION}
ARG ARCH
COPY --from=wheels /wheels /usr/src/krunner/wheels
COPY licenses /usr/src/krunner/licenses
# The brackets make ttyd optional: a pattern may match nothing.
COPY requirements.txt ttyd_linux.${ARCH}.bi[n] recipe/leave-out.toml \
     recipe/make_volume.sh recipe/launcher.c recipe/elf.py recipe/licenses.py \
     recipe/bundle_libs.py recipe/leave_out.py recipe/refresh_records.py \
     /usr/src/krunner/
# How bin/python is linked: -static where the volume is for more than one release.
ARG LAUNCHER_FLAGS=""
# Groups of recipe/leave-out.toml to keep in the volume.
ARG KEEP=""
RUN LAUNCHER_FLAGS="${LAUNCHER_FLAGS}" \
    sh /usr/src/krunner/make_volume.sh /usr/src/krunner ${KEEP}
