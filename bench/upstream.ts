/**
 * What upstream's recipe makes of this project's own Python and wheels.
 *
 * @module
 */

import { LABEL, makeVolume, runIn } from "./engine.ts";
import { run } from "./measure.ts";

const RECIPE =
  new URL("upstream/krunner-env.dockerfile", import.meta.url).pathname;

/** The stages that the recipe builds on. */
export interface Stages {
  /** The image of the compiled Python. */
  readonly python: string;
  /** The image with the folder of wheels. */
  readonly wheels: string;
}

/** Builds a target of the recipe as the image `image`. */
export async function buildUpstream(
  target: "archive" | "kept",
  image: string,
  { python, wheels }: Stages,
  context: string,
): Promise<void> {
  await run(
    [
      ...["docker", "build", "--network=none", "--file", RECIPE],
      ...["--target", target, "--tag", image],
      ...["--build-arg", `PYTHON_IMAGE=${python}`],
      ...["--build-arg", `WHEELS_IMAGE=${wheels}`],
      context,
    ],
    // The builder that every client and engine has.
    { DOCKER_BUILDKIT: "0" },
  );
}

/** Takes the archive out of its image, as upstream's build script does. */
export async function takeArchive(image: string, file: string): Promise<void> {
  const container = await run([
    "docker",
    "create",
    "--label",
    LABEL,
    image,
    "sh",
  ]);
  await run(["docker", "cp", `${container}:/root/image.tar.xz`, file]);
  await run(["docker", "rm", container]);
}

/** Sum of the sizes of all files of the tree in an image, in bytes. */
export async function treeSize(image: string): Promise<number> {
  const find = ["find", "/opt/backend.ai", "-type", "f", "-printf", "%s\\n"];
  const sizes = (await runIn(image, [], find)).split("\n");
  return sizes.reduce((sum, size) => sum + Number(size), 0);
}

/** Fills a volume with the tree in an image. */
export async function takeTree(image: string, volume: string): Promise<void> {
  await makeVolume(volume);
  // The engine copies what the image has there into a volume that is empty.
  await runIn(image, [`--volume=${volume}:/opt/backend.ai`], ["true"]);
}
