/**
 * Images that dockerfiles name themselves, as upstream's do: `FROM ubuntu:18.04`.
 * They are nobody's stages and not the base image of `krunner.json`.
 *
 * @module
 */

import type { CollectedImage } from "./collect/index_file.ts";
import type { StageFile } from "./stage_file.ts";

/** An image that must be there before a build. */
export interface ForeignImage {
  /** Its name at a registry or in the engine, e.g. `ubuntu:18.04`. */
  readonly reference: string;
  /** The name of the first dockerfile that names it. */
  readonly dockerfile: string;
  /** The image of a collected folder that stands in for pulling it. */
  readonly collected?: CollectedImage;
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
