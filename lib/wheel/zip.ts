/**
 * Zip files as Python's installers and package indexes like them best: entries
 * stored, sizes and checksums in front of the bytes, so that they can be read as a
 * stream, nothing after the end.
 *
 * @module
 */

import { ZipWriter } from "@zip.js/zip.js";
import { type DigestedEntry, readAgain } from "./entry.ts";

/** Bytes of a zip's headers, names aside: in front of the content, at the end. */
const LOCAL_HEADER = 30;
const CENTRAL_HEADER = 46;
const END_RECORD = 22;

/** The earliest and the latest time that an entry can have, in seconds since 1970. */
const EARLIEST = Date.UTC(1980, 0, 1) / 1000;
const LATEST = Date.UTC(2107, 11, 31, 23, 59, 58) / 1000;

/** The type bits of a regular file, in the upper half of the attributes. */
const REGULAR_FILE = 0o100000;

/** Made on Unix, by version 2.0 of the format. */
const MADE_BY = 3 << 8 | 20;

/**
 * A time as zip has it, date in the upper 16 bits: UTC, two seconds precise, and
 * never before 1980.
 *
 * @param seconds Since 1970.
 */
export function dosTime(seconds: number): number {
  const clamped = Math.min(Math.max(seconds, EARLIEST), LATEST);
  const date = new Date(clamped * 1000);
  const day = (date.getUTCFullYear() - 1980) << 9 |
    (date.getUTCMonth() + 1) << 5 | date.getUTCDate();
  const time = date.getUTCHours() << 11 | date.getUTCMinutes() << 5 |
    date.getUTCSeconds() >> 1;
  return (day << 16 | time) >>> 0;
}

/** The size in bytes of a zip with stored entries, below 4 GiB. */
export function zipSize(entries: readonly DigestedEntry[]): number {
  return entries.reduce((sum, { name, size }) => {
    const { length } = new TextEncoder().encode(name);
    return sum + LOCAL_HEADER + CENTRAL_HEADER + 2 * length + size;
  }, END_RECORD);
}

/**
 * Writes a zip with the entries in the order given, and closes the stream. The
 * bytes depend on nothing else: not on the time zone, not on this host's files'
 * times and modes.
 *
 * @param seconds The one time of all entries, since 1970.
 * @throws {KrunnerError} If a file cannot be read, or changed since its digest.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function writeZip(
  stream: WritableStream<Uint8Array>,
  entries: readonly DigestedEntry[],
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const zip = new ZipWriter(stream, { useWebWorkers: false });
  for (const entry of entries) {
    await zip.add(entry.name, {
      readable: ReadableStream.from(readAgain(entry, signal)),
      size: entry.size,
    }, {
      // As they are: the writer has nothing to compress or to count, and knows
      // all that the header in front of the bytes says.
      passThrough: true,
      level: 0,
      compressionMethod: 0,
      uncompressedSize: entry.size,
      crc32: entry.crc32,
      rawLastModDate: dosTime(seconds),
      extendedTimestamp: false,
      versionMadeBy: MADE_BY,
      externalFileAttributes: ((REGULAR_FILE | entry.mode) << 16) >>> 0,
    });
  }
  await zip.close();
}
