/**
 * A folder of wheels in place of the wheels stage (`--wheelhouse`): its wheels
 * become an image that later stages cannot tell from the stage's own.
 *
 * @module
 */

import type { ContextFile } from "./context.ts";
import { fileError, isMissing, UsageError } from "./errors.ts";

/** The dockerfile that puts a folder of wheels where the wheels stage would. */
export const WHEELHOUSE_DOCKERFILE = "krunner-wheels.wheelhouse.dockerfile";

/** A wheel in the build context. */
export type WheelFile = Extract<ContextFile, { kind: "wheel" }>;

/**
 * The wheels of a folder, sorted by name.
 *
 * @throws {UsageError} If there is no such folder, or no wheel in it.
 * @throws {KrunnerError} If it cannot be read.
 */
export async function listWheels(folder: string): Promise<WheelFile[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith(".whl")) names.push(name);
    }
  } catch (cause) {
    if (!isMissing(cause)) throw fileError("read", folder, cause);
    throw new UsageError(
      `Cannot use "--wheelhouse ${folder}": there is no such folder; give a folder of wheels`,
      { cause },
    );
  }
  if (names.length === 0) {
    throw new UsageError(
      `Cannot use "--wheelhouse ${folder}": it holds no .whl file; give a folder of wheels`,
    );
  }
  return toWheelFiles(names);
}

/** Wheels of these names in the build context, sorted. */
export function toWheelFiles(names: readonly string[]): WheelFile[] {
  return names.toSorted().map((name, index) => ({
    kind: "wheel",
    // A tar header has room for 100 bytes; setproctitle's wheels have 116.
    path: name.length <= 100 ? name : `long/${index}.whl`,
    name,
  }));
}

/** The text of {@linkcode WHEELHOUSE_DOCKERFILE}. */
export function wheelhouseDockerfile(wheels: readonly WheelFile[]): string {
  const long = wheels.filter(({ path, name }) => path !== name);
  return [
    "FROM scratch",
    ...long.length === wheels.length ? [] : ["COPY *.whl /wheels/"],
    ...long.map(({ path, name }) =>
      `COPY ${JSON.stringify([path, `/wheels/${name}`])}`
    ),
    "",
  ].join("\n");
}
