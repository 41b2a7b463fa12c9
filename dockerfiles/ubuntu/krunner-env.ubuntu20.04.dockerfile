# The krunner volume of Ubuntu 20.04: what the volume stage made, in the bare base image,
# where every module must import.
ARG BASE_IMAGE=ubuntu:20.04
ARG IMAGE_PREFIX=lablup/backendai-krunner
ARG DISTRO_VERSION=ubuntu20.04
FROM ${IMAGE_PREFIX}-volume:${DISTRO_VERSION} AS volume

FROM ${BASE_IMAGE}
COPY --from=volume /opt/backend.ai /opt/backend.ai
COPY recipe/check_imports.py /usr/src/krunner/
# Some packages only warn if a part of them cannot be imported.
RUN /opt/backend.ai/bin/python3 -I -B -W error::UserWarning \
      /usr/src/krunner/check_imports.py
CMD ["/opt/backend.ai/bin/python3"]
LABEL ai.backend.krunner.version=7
