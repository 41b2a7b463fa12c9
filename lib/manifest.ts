/**
 * The manifest beside an archive: what is in it and what it was made from.
 *
 * @module
 */

import { KrunnerError } from "./errors.ts";
import type { Inputs } from "./inputs.ts";
import { inPackage, outputNames, type Target } from "./package_dir.ts";
import type { PackageRecord } from "./packages.ts";
import type { PingRecord } from "./ttyd/record.ts";

/** `krunner-env.{distro-version}.{arch}.json`. */
export interface Manifest {
  /** The version of this format. */
  readonly schema: 1;
  /** The distro version, e.g. `debian12`. */
  readonly distroVersion: string;
  /** The family, e.g. `debian`. */
  readonly family: string;
  /** The arch as Python's `platform.machine()` says it on Linux. */
  readonly arch: string;
  /** The volume version: a positive integer. */
  readonly volumeVersion: number;
  /** `major.minor` of the volume's Python. */
  readonly python: string;
  /** The packed volume. */
  readonly archive: {
    readonly file: string;
    readonly sha256: string;
    /** Bytes, packed. */
    readonly size: number;
    /** Bytes, sum of all files unpacked. */
    readonly unpackedSize: number;
    /** Number of files, folders and links. */
    readonly entries: number;
    /** Digest of the unpacked tree, whatever it is packed with. */
    readonly treeSha256: string;
    /** The one time stamp of all entries, in seconds since 1970. */
    readonly mtime: number;
  };
  /** Everything inside the volume that has a name of its own, by purl. */
  readonly packages: readonly PackageRecord[];
  /**
   * The highest version of glibc whose symbols the volume needs, `major.minor`: it
   * runs there and with newer ones. Absent where it needs none, as with musl.
   */
  readonly glibc?: string;
  /** The terminal, where the volume has one. */
  readonly ttyd?: TerminalRecord;
  /** The env image that the volume was taken from. */
  readonly image: ImageRecord;
  /**
   * The base image that the stages got as `BASE_IMAGE`, or that the dockerfile at
   * the bottom names itself.
   */
  readonly base?: BaseRecord;
  /** What this archive was made from. */
  readonly inputs: Inputs;
  /**
   * What the first build with this volume version was made from. An agent that
   * has that build never reads a later one of the same version, so this is what
   * `bump.ts check` compares with.
   */
  readonly firstInputs: Inputs;
}

/** A base image. */
export interface BaseRecord extends ImageRecord {
  /** Its version of glibc, `major.minor`; absent where it has another C library. */
  readonly glibc?: string;
}

/** `bin/ttyd`, as far as it is known. */
export interface TerminalRecord {
  /** SHA-256 of `ttyd_linux.{arch}.bin`, where the volume was built with one. */
  readonly sha256?: string;
  /** The recipe of `ttyd.ts` that it was built by. */
  readonly recipe?: string;
  /** What was measured of its pings when it was built. */
  readonly proof?: PingRecord;
}

/** An image by name and by content. */
export interface ImageRecord {
  readonly reference: string;
  /** The engine's image id: `sha256:…` of its configuration. */
  readonly id: string;
}

/**
 * Reads the manifest of a target's last build, `undefined` where there is none.
 *
 * @throws {KrunnerError} If the file is there but is not a manifest.
 */
export async function readManifest(
  target: Target,
  arch: string,
): Promise<Manifest | undefined> {
  const file = inPackage(
    target,
    outputNames(target.distroVersion, arch).manifest,
  );
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return parseManifest(text, file);
}

/**
 * Parses a manifest; `file` is for messages.
 *
 * @throws {KrunnerError} If it is not JSON or of another schema.
 */
export function parseManifest(text: string, file: string): Manifest {
  let json: Partial<Manifest> | null;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new KrunnerError(
      `Cannot read manifest "${file}": it is not JSON; build again with "--force", or remove it`,
      { cause },
    );
  }
  if (
    json?.schema !== 1 || json.archive === undefined ||
    json.inputs === undefined || json.firstInputs === undefined
  ) {
    throw new KrunnerError(
      `Cannot read manifest "${file}": it is not a manifest of schema 1; build again with "--force", or remove it`,
    );
  }
  // Builds before there were SPDX documents recorded no packages.
  return { packages: [], ...json } as Manifest;
}

/** The text of a manifest, as it is written to disk. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
