/**
 * The way from the env stage's image to a package directory's files.
 *
 * @module
 */

import { commitFiles } from "../commit_files.ts";
import { krunnerVersion } from "../cli.ts";
import { KrunnerError } from "../errors.ts";
import { type Extraction, extractVolume } from "../extract.ts";
import { changedInputs } from "../inputs.ts";
import { VOLUME_VERSION_LABEL } from "../labels.ts";
import {
  formatManifest,
  type Manifest,
  readManifest,
  type TerminalRecord,
} from "../manifest.ts";
import { inPackage } from "../package_dir.ts";
import { findPackages, type FoundPackages } from "../packages.ts";
import { formatSpdx, toSpdx } from "../spdx.ts";
import { messageAsTyped } from "../typed.ts";
import type { Build } from "./build.ts";
import { readTerminal } from "./terminal.ts";

/**
 * Packs the volume of the env stage's image, judges it, and puts it with all that
 * belongs to it in the place of the old one.
 *
 * @throws {KrunnerError} If the image has another label than its dockerfile, or the
 * volume is not as it must be.
 */
export async function makeOutputs(build: Build): Promise<Manifest> {
  const { plan: { stages, target, outputs }, run } = build;
  const { image } = stages.at(-1)!;
  await checkLabel(build, image);
  build.begin("archive");
  const archive = inPackage(target, `.${outputs.archive}.${run.pid}.tmp`);
  try {
    const extraction = await extractVolume(run.engine, {
      image,
      temporary: archive,
      label: build.label,
      platform: build.platform,
      mtime: run.mtime,
      threads: run.threads,
      signal: run.signal,
    });
    const { text, terminal } = await readTerminal(build, extraction);
    const found = findAllPackages(build, extraction, text);
    const manifest = await makeManifest(build, {
      image,
      archive,
      extraction,
      found,
      terminal,
    });
    if (run.verify) await judge(build, archive, manifest);
    await commit(build, manifest, found, archive);
    return manifest;
  } finally {
    await Deno.remove(archive).catch(() => {});
  }
}

/** The version that the agent will see is the image's; a late LABEL may differ. */
async function checkLabel(
  { plan: { volumeVersion }, run: { engine } }: Build,
  image: string,
): Promise<void> {
  const label = await engine.imageLabel(image, VOLUME_VERSION_LABEL);
  if (label === String(volumeVersion)) return;
  throw new KrunnerError(
    `Cannot use the image "${image}": its label ${VOLUME_VERSION_LABEL} is "${
      label ?? ""
    }", and its dockerfile says "${volumeVersion}"; look for another LABEL or an option of the builder`,
  );
}

function findAllPackages(
  { plan: { target: { distroVersion }, arch }, notice }: Build,
  { contents }: Extraction,
  ttyd: string | undefined,
): FoundPackages {
  const found = findPackages(contents, { distroVersion, arch, ttyd });
  const bare = found.packages
    .filter(({ licenceFiles }) => licenceFiles.length === 0)
    .map(({ name }) => name);
  if (bare.length > 0) {
    notice(
      `The volume has no licence text of ${
        bare.join(", ")
      }: put it into its licenses/ before you give the volume away`,
    );
  }
  return found;
}

/** Read from what was packed, for that is what has to run. */
async function glibcOf(
  archive: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const [{ readVolume }, { glibcLevel }] = await Promise.all([
    import("../verify/read.ts"),
    import("../verify/linkage.ts"),
  ]);
  return glibcLevel(await readVolume(archive, { signal }));
}

/** What a manifest tells of. */
interface Product {
  readonly image: string;
  /** The archive's path. */
  readonly archive: string;
  readonly extraction: Extraction;
  readonly found: FoundPackages;
  readonly terminal: TerminalRecord | undefined;
}

async function makeManifest(
  build: Build,
  { image, archive, extraction, found, terminal }: Product,
): Promise<Manifest> {
  const { plan, run: { engine, signal }, base } = build;
  const { target, arch, inputs, volumeVersion, outputs } = plan;
  const glibc = await glibcOf(archive, signal);
  return {
    schema: 1,
    distroVersion: target.distroVersion,
    family: target.pkg.family,
    arch,
    volumeVersion,
    python: extraction.python,
    archive: { file: outputs.archive, ...extraction.archive },
    packages: found.packages,
    ...glibc === undefined ? {} : { glibc },
    ...terminal === undefined ? {} : { ttyd: terminal },
    image: { reference: image, id: await engine.imageId(image) ?? "" },
    ...base === undefined ? {} : { base },
    inputs,
    firstInputs: await firstInputs(build),
  };
}

/** The inputs of the first build that had this volume version. */
async function firstInputs(
  { plan: { target, arch, inputs, volumeVersion }, notice }: Build,
): Promise<Manifest["firstInputs"]> {
  // A manifest that cannot be read is replaced, as its message advises.
  const old = await readManifest(target, arch).catch(() => undefined);
  if (old?.volumeVersion !== volumeVersion) return inputs;
  const changes = changedInputs(old.firstInputs, inputs);
  if (changes.length > 0) {
    notice(messageAsTyped(
      `The volume version is still ${volumeVersion} though ${
        changes.join(", ")
      } changed since its first build: an agent that has it will not read this one; raise it with "bump.ts volume ${target.distroVersion}" before you release`,
    ));
  }
  return old.firstInputs;
}

async function judge(
  build: Build,
  archive: string,
  manifest: Manifest,
): Promise<void> {
  build.begin("verify");
  const { judgeBuild } = await import("../verify/judge_build.ts");
  const { engine, cache, pid, signal } = build.run;
  await judgeBuild(engine, build.plan.target, {
    archive,
    manifest,
    cache,
    pid,
    signal,
    onNotice: build.notice,
  });
}

async function commit(
  { plan: { target, outputs, volumeVersion }, run: { engine } }: Build,
  manifest: Manifest,
  { licenceTexts }: FoundPackages,
  archive: string,
): Promise<void> {
  const spdx = toSpdx(manifest, licenceTexts, await krunnerVersion());
  engine.throwIfCancelled();
  // The version last: it is what says to an agent that the rest is there.
  await commitFiles([
    { path: inPackage(target, outputs.archive), from: archive },
    {
      path: inPackage(target, outputs.python),
      content: `${manifest.python}\n`,
    },
    {
      path: inPackage(target, outputs.manifest),
      content: formatManifest(manifest),
    },
    { path: inPackage(target, outputs.spdx), content: formatSpdx(spdx) },
    {
      path: inPackage(target, outputs.version),
      content: `${volumeVersion}\n`,
    },
  ]);
}
