/**
 * Images that dockerfiles name themselves, as upstream's do: `FROM ubuntu:18.04`.
 * They are nobody's stages and not the base image of `krunner.json`.
 *
 * @module
 */

import type { Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import type { StageFile } from "./stage_file.ts";
import { provideImage } from "./verify/images.ts";

/** An image that must be there before a build. */
export interface ForeignImage {
  /** Its name at a registry or in the engine, e.g. `ubuntu:18.04`. */
  readonly reference: string;
  /** The name of the first dockerfile that names it. */
  readonly dockerfile: string;
}

/** A stage's dockerfile. */
export interface NamedStageFile {
  /** Its name. */
  readonly name: string;
  /** What it needs. */
  readonly file: StageFile;
}

/**
 * The images that stages name and that are not the engine's to make.
 *
 * @param isOwn Whether a name is that of a stage, or of the base image
 */
export function findForeignImages(
  stages: readonly NamedStageFile[],
  isOwn: (reference: string) => boolean,
): ForeignImage[] {
  const found = new Map<string, ForeignImage>();
  for (const { name, file } of stages) {
    for (const reference of file.images) {
      if (isOwn(reference) || found.has(reference)) continue;
      found.set(reference, { reference, dockerfile: name });
    }
  }
  return [...found.values()];
}

/**
 * The image that a stage is made from in the end, whatever stages are in between.
 *
 * @param stageOf The stage that makes an image; `undefined` where none does
 */
export function findBottom(
  { parent }: StageFile,
  stageOf: (reference: string) => StageFile | undefined,
): string {
  const stage = stageOf(parent);
  return stage === undefined ? parent : findBottom(stage, stageOf);
}

/**
 * Makes sure that the engine has an image.
 *
 * @param where The path of the dockerfile that names it
 * @param platform The docker platform, where it is not the engine's own
 * @throws {KrunnerError} If it is not there and cannot be pulled.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function provideForeignImage(
  engine: Engine,
  reference: string,
  { where, platform, onNotice }: {
    where: string;
    platform: string | undefined;
    onNotice: (line: string) => void;
  },
): Promise<void> {
  if (await engine.hasImage(reference, platform)) return;
  onNotice(`Pulling the image "${reference}"`);
  const found = await provideImage(engine, [reference], platform);
  if ("image" in found) return;
  throw new KrunnerError(
    `Cannot build with "${where}", which is made from the image "${reference}": ${found.missing}; load it into the engine with "docker load", or make its registry reachable`,
  );
}
