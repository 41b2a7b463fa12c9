/**
 * `RECORD`: the files of a wheel with their digests.
 *
 * Source: the Python packaging specification "Recording installed projects".
 *
 * @module
 */

import type { DigestedEntry } from "./entry.ts";

/** A line of `RECORD`. */
export interface RecordRow {
  /** The file's path. */
  readonly name: string;
  /** As {@linkcode recordHash} writes it; empty where none is told. */
  readonly hash: string;
  /** Bytes, in decimal; empty where none are told. */
  readonly size: string;
}

/** A field of CSV, quoted as Python's `csv` does by default. */
function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A SHA-256 as `RECORD` has it: in base64 of URLs without padding.
 *
 * @param sha256 In hex.
 */
export function recordHash(sha256: string): string {
  const digest = Uint8Array.fromHex(sha256).toBase64({
    alphabet: "base64url",
    omitPadding: true,
  });
  return `sha256=${digest}`;
}

/**
 * The text of a wheel's `RECORD`: path, SHA-256 and size of each file; its own line
 * has the path only.
 *
 * @param name The path of `RECORD` itself.
 */
export function recordText(
  entries: readonly DigestedEntry[],
  name: string,
): string {
  const lines = entries.map((entry) =>
    `${field(entry.name)},${recordHash(entry.sha256)},${entry.size}\n`
  );
  return `${lines.join("")}${field(name)},,\n`;
}

/** The lines of a `RECORD`. */
export function parseRecord(text: string): RecordRow[] {
  const cell = String.raw`(?:"((?:[^"]|"")*)"|([^,"\r\n]*))`;
  const line = new RegExp(`${cell},([^,\r\n]*),([^,\r\n]*)(?:\r?\n|$)`, "g");
  return [...text.matchAll(line)].map((
    [, quoted, plain = "", hash = "", size = ""],
  ) => ({ name: quoted?.replaceAll('""', '"') ?? plain, hash, size }));
}
