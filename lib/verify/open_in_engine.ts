/**
 * Starts the checks in containers on an engine.
 *
 * @module
 */

import { Engine, type EngineName } from "../engine.ts";
import { basesOf } from "./bases.ts";
import {
  type Extraction,
  type ExtractionOptions,
  openExtraction,
} from "./containers.ts";
import type { Surroundings } from "./surroundings.ts";

/** What the checks of all volumes share. */
export interface ContainerOptions
  extends Pick<ExtractionOptions, "cache" | "pid" | "extractor" | "images"> {
  /** The bare image, in place of the one of `krunner.json`. */
  readonly baseImage?: string | undefined;
}

/** What `verifyAll()` starts the checks of one volume with. */
export function containersOn(
  name: EngineName,
  { baseImage, ...shared }: ContainerOptions,
  signal: AbortSignal,
): (archive: string, surroundings: Surroundings) => Promise<Extraction> {
  const engine = new Engine(name, signal);
  return async (archive, surroundings) =>
    await openExtraction(engine, {
      ...shared,
      arch: surroundings.identity?.arch,
      bases: baseImage === undefined
        ? await basesOf(archive, surroundings)
        : [baseImage],
    });
}
