/**
 * Judges one volume by all checks.
 *
 * @module
 */

import { checkContract } from "./contract.ts";
import { type Extraction, skipAll } from "./containers.ts";
import type { CheckReport, Finding } from "./finding.ts";
import { libcFor } from "./libc.ts";
import { checkLinkage } from "./linkage.ts";
import { readVolume } from "./read.ts";
import { checkSafety } from "./safety.ts";
import type { Surroundings } from "./surroundings.ts";
import type { VolumeTree } from "./tree.ts";

/** What {@linkcode verifyVolume} needs to know. */
export interface VerifyOptions {
  /** The archive's path. */
  readonly archive: string;
  /** What stands around it; see `readSurroundings`. */
  readonly surroundings: Surroundings;
  /** Starts the checks in containers; without it they are not done. */
  readonly openContainers?: (() => Promise<Extraction>) | undefined;
  /** Stops the work; no container stays behind. */
  readonly signal?: AbortSignal | undefined;
}

/** What became of one volume. */
export interface Verdict {
  /** The archive's path. */
  readonly archive: string;
  /** What it is for, where that is known. */
  readonly distroVersion?: string;
  /** Likewise. */
  readonly arch?: string;
  /** One report for each check that was done or skipped. */
  readonly reports: readonly CheckReport[];
}

/** All that is wrong with a volume. */
export function findingsOf({ reports }: Verdict): Finding[] {
  return reports.flatMap(({ findings }) => findings);
}

/**
 * Reads an archive once and does all checks with it.
 *
 * @throws {KrunnerError} If the archive cannot be read as a file, or the engine
 * fails. What is wrong with the volume is a finding.
 * @throws {CancelledError} If the signal was aborted.
 */
export async function verifyVolume(options: VerifyOptions): Promise<Verdict> {
  const { archive, surroundings, openContainers, signal } = options;
  await using containers = await openContainers?.();
  const tree = await readVolume(archive, { sink: containers?.sink, signal });
  const { identity } = surroundings;
  return {
    archive,
    ...identity,
    reports: [
      checkContract(tree, surroundings),
      checkSafety(tree),
      checkLinkage(tree, libcFor(surroundings)),
      ...await checkContainers(tree, containers),
    ],
  };
}

async function checkContainers(
  tree: VolumeTree,
  containers: Extraction | undefined,
): Promise<CheckReport[]> {
  if (containers === undefined) {
    return skipAll("no container engine was asked", tree);
  }
  if (!tree.complete) return skipAll("the archive is broken", tree);
  return await containers.finish(tree);
}
