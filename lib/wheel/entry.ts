/**
 * Files of a wheel or an sdist, before they are packed.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { CancelledError, fileError, KrunnerError } from "../errors.ts";

/** One file to pack. */
export interface Entry {
  /** Its path inside. */
  readonly name: string;
  /** Where its bytes are on this host, or the bytes. */
  readonly content: string | Uint8Array<ArrayBuffer>;
  /** Permission bits. */
  readonly mode: 0o644 | 0o755;
  /** The distro version that it belongs to, where it does to one. */
  readonly distroVersion?: string;
  /** What its SHA-256 must be, and which file says so. */
  readonly expected?: { readonly sha256: string; readonly by: string };
}

/** A file to pack, once its bytes are known. */
export interface DigestedEntry extends Entry {
  /** Bytes. */
  readonly size: number;
  /** In lower-case hex. */
  readonly sha256: string;
  /** As zip has it. */
  readonly crc32: number;
}

/** A text as an entry. */
export function textEntry(name: string, text: string): Entry {
  return { name, content: new TextEncoder().encode(text), mode: 0o644 };
}

/** Compares names by code units, as Python's `sorted()` does for ASCII. */
export function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/**
 * How much is read at once, in bytes. Each read is a trip to another thread, which
 * is what takes time on a busy machine.
 */
const CHUNK_SIZE = 1 << 19;

/** Takes bytes, which may be gone when it is done. */
export type Write = (chunk: Uint8Array) => void;

/**
 * The bytes of an entry's content, in chunks that are the reader's own.
 *
 * @param buffer Gives a chunk's memory; where it is the same each time, a chunk
 * holds until the next one is asked for.
 * @throws {KrunnerError} If the file cannot be read.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function* readContent(
  { content }: Entry,
  signal: AbortSignal,
  buffer: () => Uint8Array<ArrayBuffer> = () => new Uint8Array(CHUNK_SIZE),
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (typeof content !== "string") {
    if (content.length > 0) yield content.slice();
    return;
  }
  try {
    using file = await Deno.open(content);
    while (true) {
      if (signal.aborted) throw new CancelledError("Cancelled");
      const chunk = buffer();
      const length = await file.read(chunk);
      if (length === null) return;
      yield chunk.subarray(0, length);
    }
  } catch (error) {
    throw fileError("read", content, error);
  }
}

/** @throws {KrunnerError} If an entry has another SHA-256 than it must have. */
function requireExpected(
  { content, expected, distroVersion }: Entry,
  sha256: string,
): void {
  if (expected === undefined || expected.sha256 === sha256) return;
  throw new KrunnerError(
    `Cannot pack "${content}": its SHA-256 is ${sha256}, but ${expected.by} says ${expected.sha256}; build it again with "build.ts ${distroVersion} --force"`,
  );
}

/**
 * Reads an entry's content for its size and digests.
 *
 * @param verify Whether to compute a SHA-256 that is known already. Where not,
 * {@linkcode readAgain} does it: it is most of the work, and once is enough.
 * @throws {KrunnerError} If it cannot be read, or is not what was expected.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function digestEntry(
  entry: Entry,
  signal: AbortSignal,
  verify = true,
): Promise<DigestedEntry> {
  const known = verify ? undefined : entry.expected?.sha256;
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_SIZE);
  let size = 0;
  let sum = 0;
  for await (const chunk of readContent(entry, signal, () => buffer)) {
    if (known === undefined) hash.update(chunk);
    sum = crc32(chunk, sum);
    size += chunk.length;
  }
  const sha256 = known ?? hash.digest("hex");
  requireExpected(entry, sha256);
  return { ...entry, size, sha256, crc32: sum };
}

/**
 * The bytes of an entry again, for packing.
 *
 * @throws {KrunnerError} If they are not those of its digests.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function* readAgain(
  entry: DigestedEntry,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const hash = createHash("sha256");
  let sum = 0;
  let rest = entry.size;
  for await (const chunk of readContent(entry, signal)) {
    sum = crc32(chunk, sum);
    rest -= chunk.length;
    if (rest < 0) break;
    if (entry.expected !== undefined) hash.update(chunk);
    yield chunk;
  }
  if (rest !== 0 || sum !== entry.crc32) {
    throw new KrunnerError(
      `Cannot pack "${entry.content}": it changed meanwhile; try again`,
    );
  }
  if (entry.expected !== undefined) requireExpected(entry, hash.digest("hex"));
}
