/**
 * A container with a volume mounted as the agent mounts it.
 *
 * @module
 */

import { type Engine, platformOf, VOLUME_ROOT } from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import { readManifest } from "./manifest.ts";
import { dataOf, readPackageData } from "./package_data.ts";
import type { Target } from "./package_dir.ts";
import { spawn } from "./process.ts";
import type { Scratch } from "./scratch.ts";
import { baseImages, imageLibraryPath, provideImage } from "./verify/images.ts";
import { loadableVersion } from "./volume_load.ts";
import { formatVolumeName } from "./volume_name.ts";
import { volumePath } from "./volumes.ts";

/** What runs in the container, and where. */
export interface ShellOptions {
  /** The volume. */
  readonly volume: string;
  /** The image. */
  readonly image: string;
  /** The program and its arguments; a shell where there are none. */
  readonly command: readonly string[];
  /** Whether stdin and stdout are a terminal. */
  readonly terminal: boolean;
  /** Ends the container. */
  readonly signal: AbortSignal;
}

/**
 * The volume that an agent would use for a distro version, and the image to try
 * it in: the one named, else the bare base image.
 *
 * @throws {KrunnerError} If the volume is not there, or the image not to be had.
 */
export async function findShellTrial(
  engine: Engine,
  target: Target,
  arch: string,
  named: string | undefined,
): Promise<{ volume: string; image: string }> {
  const { distroVersion, pkg } = target;
  const version = await loadableVersion(target);
  const volume = formatVolumeName({ version, arch, distroVersion });
  if (await volumePath(engine, volume) === undefined) {
    throw new KrunnerError(
      `Cannot open a shell for "${distroVersion}": there is no volume "${volume}"; fill it with "volume.ts load ${distroVersion}"`,
    );
  }
  const names = named !== undefined ? [named] : baseImages(distroVersion, {
    built: (await readManifest(target, arch))?.base?.reference,
    known: dataOf(await readPackageData(pkg.dir), distroVersion).base,
  });
  const { arch: engineArch } = await engine.info();
  const platform = arch === engineArch ? undefined : platformOf(arch);
  const found = await provideImage(engine, names, platform);
  if ("image" in found) return { volume, ...found };
  throw new KrunnerError(
    `Cannot open a shell for "${distroVersion}": no image to run it in (${found.missing}); name one with "--image"`,
  );
}

/** The best shell that an image has. */
const SHELL = [
  "sh",
  "-c",
  "if command -v bash >/dev/null; then exec bash; fi; exec sh",
];

/**
 * Runs a command in a container, with this process's stdin, stdout and stderr.
 *
 * @returns The command's exit code
 * @throws {KrunnerError} If the engine cannot make the container.
 * @throws {CancelledError} If the run was cancelled.
 */
export async function runShell(
  scratch: Scratch,
  { volume, image, command, terminal, signal }: ShellOptions,
): Promise<number> {
  const { engine } = scratch;
  const own = await imageLibraryPath(engine, image);
  const [program = "", ...args] = command.length === 0 ? SHELL : command;
  const id = await engine.create([
    "--label",
    scratch.label,
    "--interactive",
    ...terminal ? ["--tty"] : [],
    "--init",
    "--volume",
    `${volume}:${VOLUME_ROOT}:ro`,
    // As the agent's entry point exports it.
    `--env=LD_LIBRARY_PATH=${VOLUME_ROOT}/lib:${own}`,
    "--entrypoint",
    program,
    image,
    ...args,
  ], image);
  const child = spawn(
    [engine.name, "start", "--attach", "--interactive", id],
    {
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      signal,
    },
  );
  const { code } = await child.status;
  await scratch.removeContainer(id);
  engine.throwIfCancelled();
  return code;
}
