# One step of building ttyd, on top of the image of the step before.
ARG PARENT
FROM ${PARENT}
# All that differs from step to step is in files, so that no two builds side by
# side have a layer in common whose cache they would take from each other.
COPY source.tar step.env step.sh build.sh edits.tsv flags.txt licences.txt \
     /opt/ttyd/step/
RUN sh /opt/ttyd/step/step.sh
