# One step of building ttyd, on top of the image of the step before.
ARG PARENT
FROM ${PARENT}
ARG ARCH
ARG NAME
ARG VERSION
COPY source.tar step.sh build.sh edits.tsv flags.txt licences.txt \
     /opt/ttyd/step/
RUN sh /opt/ttyd/step/step.sh
