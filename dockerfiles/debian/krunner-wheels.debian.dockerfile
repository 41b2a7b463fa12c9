# Wheels of the kernel runner's dependencies, made from the release's own Debian
# packages, in /wheels. The volume stage uses that folder and nothing else of this
# image, so any other folder of wheels can take its place.
ARG BASE_IMAGE=debian:12-slim
FROM ${BASE_IMAGE}

# An older suite to take packages from that this release has dropped: only
# those, for its priority is below everything else's. Signed by the same keys
# and served by the same mirror. Debian 13 has no janus; Debian 12's is pure
# Python, of architecture "all", and runs on 3.13 unchanged.
ARG OLDER_SUITE=""
RUN set -eu; \
    if [ -n "${OLDER_SUITE}" ]; then \
      . /etc/os-release; \
      apt-get update; \
      mirror="$(apt-get indextargets --format '$(REPO_URI)' \
        'Identifier: Packages' "Codename: ${VERSION_CODENAME}" | head -n 1)"; \
      printf 'deb [signed-by=%s] %s %s main\n' \
        /usr/share/keyrings/debian-archive-keyring.gpg \
        "${mirror}" "${OLDER_SUITE}" > /etc/apt/sources.list.d/older.list; \
      printf 'Package: *\nPin: release n=%s\nPin-Priority: 1\n' \
        "${OLDER_SUITE}" > /etc/apt/preferences.d/older; \
    fi

# The packages of requirements.txt (apt brings what they depend on), then the
# tools that make wheels of them.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      python3-attr python3-janus python3-jupyter-client python3-msgpack \
      python3-setproctitle python3-uvloop python3-zmq \
      patchelf python3-packaging python3-wheel \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*

COPY recipe/elf.py recipe/licenses.py recipe/bundle_libs.py \
     recipe/make_wheels.py requirements.txt /usr/src/krunner/
RUN python3 -B /usr/src/krunner/make_wheels.py \
      /usr/src/krunner/requirements.txt /wheels
