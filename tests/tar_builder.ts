/**
 * Tar archives for tests, sound ones and others.
 *
 * @module
 */

import {
  encodeHeader,
  type NewTarHeader,
  paddingOf,
} from "../lib/tar_header.ts";

const encoder = new TextEncoder();

/** An entry to put into an archive; what is left out gets a plain value. */
export interface TestEntry extends Partial<NewTarHeader> {
  name: string;
  /** The content; its length is the header's size unless that is given. */
  content?: string | Uint8Array;
  /** PAX records to put before it. */
  pax?: Record<string, string | Uint8Array>;
  /** A type flag that replaces that of `type`. */
  flag?: string;
}

/** Joins byte arrays. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? encoder.encode(content) : content;
}

/** Replaces bytes of a header block and makes its checksum right again. */
export function patchHeader(
  block: Uint8Array,
  offset: number,
  bytes: Uint8Array,
): Uint8Array {
  const patched = block.slice();
  patched.set(bytes, offset);
  patched.fill(0x20, 148, 156);
  const sum = patched.reduce((a, b) => a + b, 0);
  const text = `${sum.toString(8).padStart(6, "0")}\0 `;
  patched.set(encoder.encode(text), 148);
  return patched;
}

/** One PAX record with its length in front. */
export function paxRecord(key: string, value: string | Uint8Array): Uint8Array {
  const rest = concat([
    encoder.encode(` ${key}=`),
    bytesOf(value),
    encoder.encode("\n"),
  ]);
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length++;
  return concat([encoder.encode(`${length}`), rest]);
}

/** A header of type `x` (or another) with any bytes as its content. */
export function metadata(
  flag: string,
  content: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = encodeHeader({
    name: "PaxHeaders.0/entry",
    type: "file",
    mode: 0o644,
    size: content.length,
    mtime: 0,
    linkName: "",
  });
  return concat([
    patchHeader(header, 156, encoder.encode(flag)),
    content,
    new Uint8Array(paddingOf(content.length)),
  ]);
}

/** The bytes of one entry. */
export function entryBytes(entry: TestEntry): Uint8Array<ArrayBuffer> {
  const content = bytesOf(entry.content ?? "");
  const directory = entry.name.endsWith("/");
  const header = encodeHeader({
    name: entry.name,
    type: entry.type ?? (directory ? "directory" : "file"),
    mode: entry.mode ?? (directory ? 0o755 : 0o644),
    size: entry.size ?? content.length,
    mtime: entry.mtime ?? 1,
    linkName: entry.linkName ?? "",
  });
  const records = Object.entries(entry.pax ?? {});
  return concat([
    records.length === 0
      ? new Uint8Array()
      : metadata("x", concat(records.map((record) => paxRecord(...record)))),
    entry.flag === undefined
      ? header
      : patchHeader(header, 156, encoder.encode(entry.flag)),
    content,
    new Uint8Array(paddingOf(content.length)),
  ]);
}

/** A whole archive. */
export function tarOf(entries: readonly TestEntry[]): Uint8Array<ArrayBuffer> {
  return concat([...entries.map(entryBytes), new Uint8Array(1024)]);
}

/** The bytes as a stream of chunks of one length. */
export function streamOf(
  bytes: Uint8Array<ArrayBuffer>,
  chunkSize = 64 * 1024,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(offset, offset + chunkSize));
      offset += chunkSize;
    },
  });
}
