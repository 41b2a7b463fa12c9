/**
 * What BusyBox's tar, which agents extract with, makes of an entry's header.
 *
 * It ignores PAX records, cuts names at their field's end, and takes the prefix
 * field for one whatever the archive's magic is.
 *
 * Source: `archival/libarchive/get_header_tar.c` of BusyBox 1.36.
 *
 * @module
 */

import type { RawHeader } from "../tar_reader.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function text(block: Uint8Array, offset: number, length: number): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}

/** The name that the entry gets. */
export function busyboxName({ block, longName }: RawHeader): string {
  if (longName !== undefined) return longName;
  const name = text(block, 0, 100);
  const prefix = text(block, 345, 155);
  if (prefix === "") return name;
  return `${prefix.replace(/\/$/, "")}/${name.replace(/^\/+/, "")}`;
}

/** The name that the entry links to, if it is a link. */
export function busyboxLinkName({ block, longLinkName }: RawHeader): string {
  return longLinkName ?? text(block, 157, 100);
}
