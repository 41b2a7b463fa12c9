/**
 * What measurements do in the engine, and how all that they made goes away.
 *
 * @module
 */

import { run, timed } from "./measure.ts";

/** The label of every container and volume that a measurement makes. */
export const LABEL = "ai.backend.krunner.bench";

/** The words of a listing, one a line. */
async function list(...args: readonly string[]): Promise<string[]> {
  return (await run(["docker", ...args])).split("\n").filter((id) => id !== "");
}

/**
 * Removes containers, volumes and images that measurements made, those of a
 * killed one included.
 *
 * @param prefix What the images' names begin with; a `-` and more must follow.
 */
export async function removeMade(prefix: string): Promise<void> {
  const labelled = `--filter=label=${LABEL}`;
  const containers = await list("ps", "--all", "--quiet", labelled);
  if (containers.length > 0) {
    await run(["docker", "rm", "--force", "--volumes", ...containers]);
  }
  for (const name of await list("volume", "ls", "--quiet", labelled)) {
    await removeVolume(name);
  }
  const images = await list(
    "image",
    "ls",
    `--filter=reference=${prefix}-*`,
    "--format={{.Repository}}:{{.Tag}}",
  );
  if (images.length > 0) {
    await run(["docker", "image", "rm", "--force", ...images]);
  }
}

/** Makes an empty volume, in place of one of the same name. */
export async function makeVolume(name: string): Promise<void> {
  await removeVolume(name);
  await run(["docker", "volume", "create", "--label", LABEL, name]);
}

/** Removes a volume if there is one of that name. */
async function removeVolume(name: string): Promise<void> {
  for (let tries = 50;; tries--) {
    try {
      await run(["docker", "volume", "rm", "--force", name]);
      return;
    } catch (error) {
      // The engine lets go of a volume a moment after its container.
      if (tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Runs a command in a container with no network, and returns its stdout. */
export async function runIn(
  image: string,
  flags: readonly string[],
  command: readonly string[],
): Promise<string> {
  const common = ["--rm", "--network=none", "--label", LABEL];
  return await run(["docker", "run", ...common, ...flags, image, ...command]);
}

/** How long a command in a container took, in milliseconds. */
export interface Times {
  /** By the clock in the container, from the command's start to its end. */
  readonly inside: number;
  /** With all that the engine does before and after. */
  readonly whole: number;
}

/** Runs the words after it and prints the microseconds that they took. */
const STOPWATCH =
  'start=$EPOCHREALTIME; "$@" >&2; code=$?; end=$EPOCHREALTIME; echo $((${end/./} - ${start/./})); exit $code';

/** Times a command in a fresh container. The image needs bash, for its clock. */
export async function timeIn(
  image: string,
  flags: readonly string[],
  command: readonly string[],
): Promise<Times> {
  let inside = NaN;
  const whole = await timed(async () => {
    const words = ["bash", "-c", STOPWATCH, "stopwatch", ...command];
    inside = Number(await runIn(image, flags, words)) / 1000;
  });
  return { inside, whole };
}
