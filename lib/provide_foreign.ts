/**
 * Gets the images that dockerfiles name themselves.
 *
 * @module
 */

import type { Engine } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import { provideImage } from "./verify/images.ts";

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
