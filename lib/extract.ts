/**
 * Takes the volume out of an env image: one stream from the engine to the packed
 * file, with no copy of the tree in between.
 *
 * @module
 */

import {
  type ArchiveSummary,
  type VolumeEntry,
  writeArchive,
} from "./archive.ts";
import {
  type Engine,
  sealed,
  type SealedContainer,
  VOLUME_ROOT,
} from "./engine.ts";
import { KrunnerError } from "./errors.ts";
import type { Manifest } from "./manifest.ts";
import { isPackageText, type VolumeContents } from "./packages.ts";

/** What taking out a volume needs to know. */
export interface ExtractOptions extends SealedContainer {
  /** The path of the file to write; the caller renames or removes it. */
  readonly temporary: string;
  /** The time stamp of all entries, in seconds since 1970. */
  readonly mtime: number;
  /** Compression threads. */
  readonly threads: number;
  /** Ends the work. */
  readonly signal: AbortSignal;
}

/** A volume that was taken out. */
export interface Extraction {
  /** `major.minor` of its Python. */
  readonly python: string;
  /** The archive, in the manifest's words. */
  readonly archive: Omit<Manifest["archive"], "file">;
  /** What tells its packages. */
  readonly contents: VolumeContents;
}

/** What the agent mounts its own modules on, below site-packages. */
const MOUNT_FOLDERS = ["ai/backend/kernel", "ai/backend/helpers"];

/**
 * Packs the volume of an env image into `temporary`.
 *
 * @throws {KrunnerError} If the image holds no volume, its Python does not run, a
 * folder that the agent mounts on is missing, or the archive cannot be written.
 */
export async function extractVolume(
  engine: Engine,
  options: ExtractOptions,
): Promise<Extraction> {
  const container = await makeContainer(engine, options);
  const pythonVersion = await askPython(engine, container, options);
  const python = pythonVersion.split(".", 2).join(".");
  const files = new Set<string>();
  const missing = new Set(
    MOUNT_FOLDERS.map((name) => `./lib/python${python}/site-packages/${name}/`),
  );
  const summary = await pack(
    engine,
    container,
    options,
    (path, { type }) => {
      missing.delete(path);
      if (type === "file") files.add(path);
    },
  );
  const [folder] = missing;
  if (folder !== undefined) {
    throw new KrunnerError(
      `Cannot use the image "${options.image}": its volume has no folder "${folder}", which the agent mounts on; make it in the env stage`,
    );
  }
  const { sha256, size, unpackedSize, entries, treeSha256 } = summary;
  return {
    python,
    archive: {
      sha256,
      size,
      unpackedSize,
      entries,
      treeSha256,
      mtime: options.mtime,
    },
    contents: { files, texts: decode(summary.captured), pythonVersion },
  };
}

function decode(
  captured: ReadonlyMap<string, Uint8Array>,
): Map<string, string> {
  const decoder = new TextDecoder();
  return new Map(
    [...captured].map(([name, bytes]) => [name, decoder.decode(bytes)]),
  );
}

const PYTHON = `${VOLUME_ROOT}/bin/python`;

/** A container that gives its Python's version once it is started. */
async function makeContainer(
  engine: Engine,
  container: ExtractOptions,
): Promise<string> {
  return await engine.create([
    "--read-only",
    ...sealed(container),
    "--entrypoint",
    PYTHON,
    container.image,
    "-I",
    "-c",
    "import platform; print(platform.python_version())",
  ], container.image);
}

/** `major.minor.micro`, from the volume's own interpreter; `3.14.0rc1` is one. */
async function askPython(
  engine: Engine,
  container: string,
  { image }: ExtractOptions,
): Promise<string> {
  const version = await engine.start(
    container,
    `run "${PYTHON}" of the image "${image}"`,
  );
  if (!/^\d+\.\d+\.\d\S*$/.test(version)) {
    throw new KrunnerError(
      `Cannot use the image "${image}": "${PYTHON}" gives its version as "${version}", not as major.minor.micro`,
    );
  }
  return version;
}

async function pack(
  engine: Engine,
  container: string,
  { image, temporary, mtime, threads, signal }: ExtractOptions,
  onEntry: (path: string, entry: VolumeEntry) => void,
): Promise<ArchiveSummary> {
  const child = engine.spawn(["cp", `${container}:${VOLUME_ROOT}`, "-"]);
  const complaint = new Response(child.stderr).text();
  const [written, status] = await Promise.allSettled([
    writeArchive(child.stdout, temporary, {
      root: VOLUME_ROOT,
      mtime,
      threads,
      signal,
      onEntry,
      capture: isPackageText,
    }),
    child.status,
  ]);
  const words = (await complaint).trim();
  // A writer that gave up makes the engine's command fail too, with a broken pipe.
  const engineFailed = status.status === "rejected" || !status.value.success;
  if (engineFailed && words !== "" && !/broken pipe/i.test(words)) {
    throw engine.failure(
      `take ${VOLUME_ROOT} out of the image "${image}"`,
      words,
    );
  }
  if (written.status === "rejected") throw written.reason;
  if (engineFailed) {
    throw engine.failure(
      `take ${VOLUME_ROOT} out of the image "${image}"`,
      words,
    );
  }
  return written.value;
}
