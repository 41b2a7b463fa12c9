# The krunner volume of Debian 12: CPython of the python stage, packages of the
# wheels stage, trimmed and relinked; then tried in the bare base image.
ARG BASE_IMAGE=debian:12-slim
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION=debian12

FROM ${IMAGE_PREFIX}-wheels:${DISTRO_VERSION} AS wheels

FROM ${IMAGE_PREFIX}-python:${DISTRO_VERSION} AS volume
ARG ARCH
COPY --from=wheels /wheels /usr/src/krunner/wheels
COPY licenses /usr/src/krunner/licenses
# The brackets make ttyd optional: a pattern may match nothing.
COPY requirements.txt ttyd_linux.${ARCH}.bi[n] recipe/leave-out.toml \
     recipe/make_volume.sh recipe/launcher.c recipe/elf.py recipe/licenses.py \
     recipe/bundle_libs.py recipe/leave_out.py recipe/refresh_records.py \
     /usr/src/krunner/
# Groups of recipe/leave-out.toml to keep in the volume.
ARG KEEP=""
RUN sh /usr/src/krunner/make_volume.sh /usr/src/krunner ${KEEP}

FROM ${BASE_IMAGE}
COPY --from=volume /opt/backend.ai /opt/backend.ai
COPY recipe/check_imports.py /usr/src/krunner/
# Some packages only warn if a part of them cannot be imported.
RUN /opt/backend.ai/bin/python3 -I -B -W error::UserWarning \
      /usr/src/krunner/check_imports.py
CMD ["/opt/backend.ai/bin/python3"]
LABEL ai.backend.krunner.version=1
