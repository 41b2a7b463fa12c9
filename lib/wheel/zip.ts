/**
 * Zip files as Python's installers and package indexes like them best: entries
 * stored, sizes and checksums in front of the bytes, so that they can be read as a
 * stream, nothing after the end.
 *
 * @module
 */

import { configure, ZipWriter } from "@zip.js/zip.js";
import {
  ChunkPool,
  type DigestedEntry,
  readAgain,
  type Write,
} from "./entry.ts";

/** Bytes of a zip's headers, names aside: in front of the content, at the end. */
const LOCAL_HEADER = 30;
const CENTRAL_HEADER = 46;
const END_RECORD = 22;

/** The earliest and the latest time that an entry can have, in seconds since 1970. */
const EARLIEST = Date.UTC(1980, 0, 1) / 1000;
const LATEST = Date.UTC(2107, 11, 31, 23, 59, 58) / 1000;

/** The type bits of a regular file, in the upper half of the attributes. */
const REGULAR_FILE = 0o100000;

/** How much the zip writer copies and hands on at once, in bytes. */
const CHUNK_SIZE = 1 << 18;

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

/** Bytes of an entry's name. */
function nameLength({ name }: DigestedEntry): number {
  return new TextEncoder().encode(name).length;
}

/** The size in bytes of a zip with stored entries, below 4 GiB. */
export function zipSize(entries: readonly DigestedEntry[]): number {
  return entries.reduce(
    (sum, entry) =>
      sum + LOCAL_HEADER + CENTRAL_HEADER + 2 * nameLength(entry) + entry.size,
    END_RECORD,
  );
}

/**
 * Gives memory back at once. Left to the garbage collector, which comes after some
 * 64 MB, the writer's copies would be most of what a run takes.
 */
function release(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}

/** The bytes of a zip on their way out. */
class Outlet {
  readonly stream: WritableStream<Uint8Array>;
  readonly #pool = new ChunkPool();
  #written = 0;

  constructor(write: Write) {
    this.stream = new WritableStream({
      write: (chunk) => {
        write(chunk);
        this.#written += chunk.length;
        if (chunk.length === chunk.buffer.byteLength) release(chunk.buffer);
      },
    });
  }

  /**
   * An entry's bytes. A chunk's memory is used again when all that was made of it
   * is out: what the zip has up to the chunk's end.
   */
  async *pass(
    entry: DigestedEntry,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let end = this.#written + LOCAL_HEADER + nameLength(entry);
    const passing: {
      readonly end: number;
      readonly chunk: Uint8Array<ArrayBuffer>;
    }[] = [];
    for await (const chunk of readAgain(entry, signal, this.#pool)) {
      end += chunk.length;
      passing.push({ end, chunk });
      yield chunk;
      while (passing[0] !== undefined && passing[0].end <= this.#written) {
        this.#pool.give(passing.shift()!.chunk);
      }
    }
  }
}

/**
 * Writes a zip with the entries in the order given. The bytes depend on nothing
 * else: not on the time zone, not on this host's files' times and modes.
 *
 * @param seconds The one time of all entries, since 1970.
 * @throws {KrunnerError} If a file cannot be read, or changed since its digest.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function writeZip(
  write: Write,
  entries: readonly DigestedEntry[],
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  configure({ useWebWorkers: false, chunkSize: CHUNK_SIZE });
  const outlet = new Outlet(write);
  const zip = new ZipWriter(outlet.stream);
  for (const entry of entries) {
    await zip.add(entry.name, {
      readable: ReadableStream.from(outlet.pass(entry, signal)),
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
