/**
 * The images that a volume is tried in.
 *
 * @module
 */

import type { Engine } from "../engine.ts";
import { CancelledError, KrunnerError } from "../errors.ts";
import { printable } from "./probe.ts";

/**
 * Names of the untouched base image of a distro version, best first: what its
 * build used, what a build here would make, and what a registry has.
 *
 * @param built The base image that the manifest names
 * @param known The base image that `krunner.json` names
 */
export function baseImages(
  distroVersion: string,
  { built, known }: { built?: string | undefined; known?: string | undefined },
): string[] {
  const names = [built, `krunner-base:${distroVersion}`, known];
  return [...new Set(names)].filter((name) => name !== undefined);
}

/**
 * The first image that the engine has, else the first that it can get, else why
 * there is none.
 *
 * @param platform The docker platform, where it is not the engine's own
 * @throws {KrunnerError} If the engine fails.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function provideImage(
  engine: Engine,
  names: readonly string[],
  platform: string | undefined,
): Promise<{ image: string } | { missing: string }> {
  for (const image of names) {
    if (await engine.hasImage(image, platform)) return { image };
  }
  let missing = "none is known";
  for (const image of names) {
    const flags = platform === undefined ? [] : ["--platform", platform];
    try {
      await engine.run(
        ["pull", "--quiet", ...flags, image],
        `get the image "${image}"`,
      );
      return { image };
    } catch (error) {
      await rethrowFaults(engine, error);
      missing = (error as Error).message;
    }
  }
  return { missing: printable(missing) };
}

/**
 * The LD_LIBRARY_PATH that an image sets, `""` where it sets none.
 *
 * @throws {KrunnerError} If the engine has no such image.
 */
export async function imageLibraryPath(
  engine: Engine,
  image: string,
): Promise<string> {
  const json = await engine.run(
    ["image", "inspect", "--format", "{{json .Config.Env}}", image],
    `read the variables of the image "${image}"`,
  );
  const prefix = "LD_LIBRARY_PATH=";
  return (JSON.parse(json) as string[] | null)
    ?.findLast((pair) => pair.startsWith(prefix))?.slice(prefix.length) ?? "";
}

/**
 * Throws errors that are not about a volume or an image again: of cancelled runs,
 * of engines that went away, of this program.
 */
export async function rethrowFaults(
  engine: Engine,
  error: unknown,
): Promise<void> {
  if (!(error instanceof KrunnerError) || error instanceof CancelledError) {
    throw error;
  }
  await engine.info();
}
