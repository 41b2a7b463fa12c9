/**
 * The source lock file: everything that a build downloads, by content.
 *
 * @module
 */

import rows from "../sources.json" with { type: "json" };

/** One row of `sources.json`. */
export interface SourceRow {
  /** What it is, e.g. `cpython`. */
  readonly name: string;
  /** Its version, e.g. `3.13.5`. */
  readonly version: string;
  /** The file's name in the cache, in `--sources` and in the build context. */
  readonly file: string;
  /** SHA-256 of the file, lower-case hex. */
  readonly sha256: string;
  /** Bytes, where somebody has counted them; the digest alone says what is right. */
  readonly size?: number;
  /** SPDX licence expression. */
  readonly licence: string;
  /** Where it can be had, in the order to try. */
  readonly origins: readonly Origin[];
}

/** A file of a source package in the Debian archive. */
export interface DebianOrigin {
  /** The source package, e.g. `python3.13`. */
  readonly debianSource: string;
  /** The file's name there, e.g. `python3.13_3.13.5.orig.tar.xz`. */
  readonly file: string;
  /** The suite that has it; the base image's own where none is named. */
  readonly suite?: string;
}

/**
 * A URL, or a file of a source package in the Debian archive: that one is fetched
 * with apt in a container of the base image, whose own configuration names the
 * mirror.
 */
export type Origin = { readonly url: string } | DebianOrigin;

/** The rows of the project's own lock file. */
export const SOURCES: readonly SourceRow[] = rows as SourceRow[];

/** A text with URLs in it, without the names and passwords that they may hold. */
export function withoutCredentials(text: string): string {
  return text.replace(/(?<=:\/\/)[^/?#"']*@/g, "");
}

/** A row as it may be shown: a URL may hold a name and a password. */
export function withoutSecrets(row: SourceRow): SourceRow {
  return {
    ...row,
    origins: row.origins.map((origin) =>
      "url" in origin ? { url: withoutCredentials(origin.url) } : origin
    ),
  };
}

/** An origin as a person would name it. */
export function describeOrigin(origin: Origin): string {
  if ("url" in origin) return withoutCredentials(origin.url);
  const { debianSource, suite } = origin;
  const where = suite === undefined ? "" : ` of ${suite}`;
  return `Debian source package "${debianSource}"${where}`;
}
