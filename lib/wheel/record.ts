/**
 * `RECORD`: the files of a wheel with their digests.
 *
 * Source: the Python packaging specification "Recording installed projects".
 *
 * @module
 */

import type { DigestedEntry } from "./entry.ts";

/** A field of CSV, quoted as Python's `csv` does by default. */
function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The text of a wheel's `RECORD`: path, SHA-256 in base64 of URLs without padding,
 * and size of each file; its own line has the path only.
 *
 * @param name The path of `RECORD` itself.
 */
export function recordText(
  entries: readonly DigestedEntry[],
  name: string,
): string {
  const lines = entries.map((entry) => {
    const digest = Uint8Array.fromHex(entry.sha256).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
    return `${field(entry.name)},sha256=${digest},${entry.size}\n`;
  });
  return `${lines.join("")}${field(name)},,\n`;
}
