# How upstream's env stages make a volume and its archive, as a yardstick: no
# file of this is ever shipped. The steps are those of the public dockerfiles of
# the krunner packages for ubuntu and static-gnu; the Python and the wheels are
# this project's own, so that the two volumes differ by their recipe alone.
ARG PYTHON_IMAGE
ARG WHEELS_IMAGE

FROM ${WHEELS_IMAGE} AS wheels

# Target "kept": the order of those dockerfiles. The .pyc files go before pip
# runs, which then leaves its own and those of what it imports.
FROM ${PYTHON_IMAGE} AS kept
ARG PREFIX=/opt/backend.ai
COPY --from=wheels /wheels /root/wheels
COPY requirements.txt /root/
# Upstream configures with --enable-shared, which installs the static library
# once; without it there are two, and 48 MB would be counted against upstream.
RUN rm "${PREFIX}"/lib/libpython3.*.a
RUN find "${PREFIX}" -name '*.pyc' -exec rm {} +
RUN "${PREFIX}/bin/python3" -m pip install --no-cache-dir --no-index \
      --find-links /root/wheels --requirement /root/requirements.txt
RUN mkdir -p "${PREFIX}"/lib/python3.*/site-packages/ai \
 && cd "${PREFIX}"/lib/python3.*/site-packages/ai \
 && mkdir -p backend/kernel backend/helpers

# Target "archive": no .pyc at all is left, and tar packs what there is.
FROM kept AS archive
ARG PREFIX=/opt/backend.ai
RUN find "${PREFIX}" -name '*.pyc' -exec rm {} +
RUN cd "${PREFIX}"; tar cJf /root/image.tar.xz ./*
