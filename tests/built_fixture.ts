/**
 * A family that was built, as far as the disk tells.
 *
 * @module
 */

import { formatManifest, type Manifest } from "../lib/manifest.ts";
import type { OutputNames } from "../lib/package_dir.ts";
import { type BuildPlan, makePlan } from "../lib/plan.ts";
import type { SourceRow } from "../lib/sources.ts";
import {
  type PackageFixture,
  packageFixture,
  writeFiles,
} from "./package_fixture.ts";

/** The files of the package directory, outputs aside. */
export const FAMILY = {
  "krunner-env.debian12.dockerfile": `ARG BASE_IMAGE
FROM \${BASE_IMAGE}
ARG V
COPY a sources/x-1.tgz /
LABEL ai.backend.krunner.version=3
`,
  "a": "a",
  "krunner.json": JSON.stringify({
    debian12: {
      base: "debian:12-slim",
      bootstrap: { suite: "bookworm" },
      args: { V: "1" },
    },
  }),
};

/** The one source that it needs. */
export const ROW: SourceRow = {
  name: "x",
  version: "1",
  file: "x-1.tgz",
  sha256: "ab",
  size: 1,
  licence: "MIT",
  origins: [
    { url: "https://localhost/x-1.tgz" },
    { debianSource: "x", file: "x_1.orig.tar.gz" },
  ],
};

/** What {@linkcode builtFixture} made. */
export interface BuiltFixture extends PackageFixture {
  /** Plans its next build. */
  readonly plan: () => Promise<BuildPlan>;
  /** The last build's manifest. */
  readonly manifest: Manifest;
  /** The last build's files. */
  readonly outputs: OutputNames;
}

/** Makes the package directory and all outputs of a build. */
export async function builtFixture(): Promise<BuiltFixture> {
  const fixture = await packageFixture(FAMILY);
  const plan = (): Promise<BuildPlan> =>
    makePlan(fixture.target, {
      arch: "x86_64",
      base: "auto",
      buildArgs: {},
      imagePrefix: "me/krunner",
      rows: [ROW],
    });
  const { inputs, outputs } = await plan();
  const manifest: Manifest = {
    schema: 1,
    distroVersion: "debian12",
    family: "debian",
    arch: "x86_64",
    volumeVersion: 3,
    python: "3.11",
    archive: {
      file: outputs.archive,
      sha256: "00",
      size: 7,
      unpackedSize: 70,
      entries: 1,
      treeSha256: "11",
      mtime: 0,
    },
    packages: [],
    image: { reference: "me/krunner-env:debian12", id: "sha256:22" },
    inputs,
    firstInputs: inputs,
  };
  writeFiles(fixture.dir, {
    [outputs.archive]: "archive",
    [outputs.python]: "3.11\n",
    [outputs.version]: "3\n",
    [outputs.manifest]: formatManifest(manifest),
    [outputs.spdx]: manifest.archive.sha256,
  });
  return { ...fixture, plan, manifest, outputs };
}
