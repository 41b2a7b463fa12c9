/**
 * `released.json` in a package directory: what its last release was made from and
 * what went out. It is committed, so that a fresh clone knows what agents have.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import type { Inputs } from "./inputs.ts";
import type { Manifest } from "./manifest.ts";
import type { PackageRecord } from "./packages.ts";
import { readOptional } from "./read_optional.ts";

/** The file's name. */
export const RELEASED_FILE = "released.json";

/** The name of the changelog in a package directory. */
export const CHANGELOG_FILE = "CHANGELOG.md";

/**
 * What a release writes into the package directory. None of it is an input: or a
 * release would change what it was made from.
 */
export const RELEASE_FILES: readonly string[] = [RELEASED_FILE, CHANGELOG_FILE];

/** What is told of a package in a volume. */
export type ReleasedPackage = Pick<
  PackageRecord,
  "name" | "version" | "purl" | "licence"
>;

/** A volume as it was released last. */
export interface ReleasedVolume {
  /** The package version of that release. */
  readonly release: string;
  /** The volume version. */
  readonly volumeVersion: number;
  /** `major.minor` of its Python. */
  readonly python: string;
  /** The archive that went out. */
  readonly archive: Pick<
    Manifest["archive"],
    "file" | "sha256" | "size" | "treeSha256"
  >;
  /** What it was made from. */
  readonly inputs: Inputs;
  /** What was in it. */
  readonly packages: readonly ReleasedPackage[];
}

/** A file of a release. */
export interface ReleasedFile {
  /** Its name. */
  readonly file: string;
  /** In lower-case hex. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** The content of `released.json`. */
export interface Released {
  /** The version of this format. */
  readonly schema: 1;
  /** The family. */
  readonly family: string;
  /** The package version, as PEP 440 writes it. */
  readonly version: string;
  /** The Git tag. */
  readonly tag: string;
  /** The commit that was built; the tag is on the one after it. */
  readonly commit: string;
  /** The day of the release: `2026-11-25`. */
  readonly date: string;
  /** Where the files were uploaded to; `null` where they were not. */
  readonly repository: string | null;
  /** Wheels and sdist. */
  readonly files: readonly ReleasedFile[];
  /** Volumes by distro version and arch, those of earlier releases included. */
  readonly volumes: Readonly<
    Record<string, Readonly<Record<string, ReleasedVolume>>>
  >;
}

/**
 * Reads `released.json`; `undefined` where nothing was released yet.
 *
 * @throws {KrunnerError} If the file is there and is not what a release writes.
 */
export async function readReleased(
  dir: string,
): Promise<Released | undefined> {
  const file = `${dir}/${RELEASED_FILE}`;
  const text = await readOptional(file);
  return text === undefined ? undefined : parseReleased(text, file);
}

/**
 * Parses the text of a `released.json`; `file` is for messages.
 *
 * @throws {KrunnerError} As {@linkcode readReleased}.
 */
export function parseReleased(text: string, file: string): Released {
  const fault = (
    state: string,
    cause?: unknown,
    advice = "take it from the last release's commit",
  ) =>
    new KrunnerError(`Cannot read "${file}": ${state}; ${advice}`, { cause });
  let json: Partial<Released> | null;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw fault("it is not JSON", cause);
  }
  const schema: unknown = json?.schema;
  if (typeof schema === "number" && schema > 1) {
    throw fault(
      `a newer krunner wrote it (schema ${schema}, and this one knows 1)`,
      undefined,
      "use that one",
    );
  }
  const volumes = Object.values(json?.volumes ?? {}).flatMap((arches) =>
    Object.values(arches ?? { none: null })
  );
  if (
    json?.schema !== 1 || typeof json.version !== "string" ||
    typeof json.tag !== "string" || typeof json.volumes !== "object" ||
    json.volumes === null || !volumes.every(isVolume)
  ) {
    throw fault("it is not the record of a release, of schema 1");
  }
  return json as Released;
}

function isVolume(volume: Partial<ReleasedVolume> | null): boolean {
  return Number.isSafeInteger(volume?.volumeVersion) &&
    typeof volume?.release === "string" &&
    typeof volume.archive?.sha256 === "string" &&
    typeof volume.inputs?.files === "object" &&
    typeof volume.inputs.sources === "object" &&
    typeof volume.inputs.args === "object" &&
    Array.isArray(volume.packages);
}

/** The text of a `released.json`. */
export function formatReleased(released: Released): string {
  return `${JSON.stringify(released, null, 2)}\n`;
}

/** The record of a volume in a release of the package version `release`. */
export function releasedVolume(
  { volumeVersion, python, archive, inputs, packages }: Manifest,
  release: string,
): ReleasedVolume {
  const { file, sha256, size, treeSha256 } = archive;
  return {
    release,
    volumeVersion,
    python,
    archive: { file, sha256, size, treeSha256 },
    inputs,
    packages: packages.map(({ name, version, purl, licence }) => ({
      name,
      ...version === undefined ? {} : { version },
      purl,
      licence,
    })),
  };
}
