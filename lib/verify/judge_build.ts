/**
 * Judges a volume between its build and the moment its outputs replace the old
 * ones.
 *
 * @module
 */

import type { Engine } from "../engine.ts";
import { KrunnerError } from "../errors.ts";
import { formatManifest, type Manifest } from "../manifest.ts";
import { inPackage, type Target } from "../package_dir.ts";
import { basesOf } from "./bases.ts";
import { openExtraction } from "./containers.ts";
import { renderVerdict } from "./report.ts";
import { companionNames, readSurroundings } from "./surroundings.ts";
import { findingsOf, verifyVolume } from "./verify_volume.ts";

/** What judging a new volume takes from the build around it. */
export interface JudgeOptions {
  /** The finished archive, under any name. */
  readonly archive: string;
  /** What will stand beside it. */
  readonly manifest: Manifest;
  /** A folder for locks. */
  readonly cache: string;
  /** This process's id. */
  readonly pid: number;
  /** Stops the work. */
  readonly signal: AbortSignal;
  /** Gets a line for each check that could not be done. */
  readonly onNotice: (line: string) => void;
}

/**
 * Judges a new volume with the files that will stand beside it.
 *
 * @throws {KrunnerError} If something is wrong with it: with the table of checks
 * and all findings.
 */
export async function judgeBuild(
  engine: Engine,
  target: Target,
  options: JudgeOptions,
): Promise<void> {
  const { manifest, archive, cache, pid, signal } = options;
  const place = inPackage(target, manifest.archive.file);
  const old = await readSurroundings(place, true);
  const names = companionNames(manifest);
  const texts = new Map(old.texts)
    .set(names.manifest, formatManifest(manifest))
    .set(names.python, `${manifest.python}\n`)
    .set(names.version, `${manifest.volumeVersion}\n`)
    // Whether the package lists it is not the volume's fault: the plan told.
    .set(names.versions, `${manifest.distroVersion}\n`);
  const surroundings = { ...old, texts };
  const verdict = await verifyVolume({
    archive,
    surroundings,
    signal,
    openContainers: async () =>
      await openExtraction(engine, {
        cache,
        pid,
        arch: manifest.arch,
        bases: await basesOf(place, surroundings),
        images: [],
      }),
  });
  for (const { check, skipped } of verdict.reports) {
    if (skipped !== undefined) {
      options.onNotice(`Not verified (${check}): ${skipped}`);
    }
  }
  const { length } = findingsOf(verdict);
  if (length > 0) {
    throw new KrunnerError(
      `Cannot keep the new volume of "${target.distroVersion}": ${length} ${
        length === 1 ? "thing is" : "things are"
      } wrong with it; correct that, or build with "--no-verify" to look at it\n${
        renderVerdict({ ...verdict, archive: place })
      }`,
    );
  }
}
