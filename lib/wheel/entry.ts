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
const CHUNK_SIZE = 1 << 18;

/** Up to this size, in bytes, a file stays in memory until it is packed. */
const KEPT_SIZE = 1 << 16;

/** Takes bytes, which may be gone when it is done. */
export type Write = (chunk: Uint8Array) => void;

/** Chunks' memory, to be used again: what is new has to be cleared first. */
export class ChunkPool {
  readonly #free: ArrayBuffer[] = [];

  /** Memory for a chunk. */
  take(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#free.pop() ?? new ArrayBuffer(CHUNK_SIZE));
  }

  /** Takes back a chunk that nobody looks at any more. */
  give({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (buffer.byteLength === CHUNK_SIZE) this.#free.push(buffer);
  }
}

/**
 * The bytes of an entry's content. While one chunk is used, the next one is read.
 *
 * @param pool Where the chunks' memory comes from; who has used a chunk may give it
 * back.
 * @throws {KrunnerError} If the file cannot be read.
 * @throws {CancelledError} If the signal is aborted.
 */
async function* readContent(
  { content }: Entry,
  signal: AbortSignal,
  pool: ChunkPool,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (typeof content !== "string") {
    if (content.length > 0) yield content.slice();
    return;
  }
  try {
    using file = await Deno.open(content);
    yield* readAhead(file, signal, pool);
  } catch (error) {
    throw fileError("read", content, error);
  }
}

async function* readAhead(
  file: Deno.FsFile,
  signal: AbortSignal,
  pool: ChunkPool,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const read = async () => {
    const chunk = pool.take();
    const length = await file.read(chunk);
    return length === null ? undefined : chunk.subarray(0, length);
  };
  let next = read();
  try {
    while (true) {
      if (signal.aborted) throw new CancelledError("Cancelled");
      const chunk = await next;
      if (chunk === undefined) return;
      next = read();
      // Whoever asks for the next chunk hears of a failure.
      next.catch(() => {});
      yield chunk;
    }
  } finally {
    await next.catch(() => {});
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

async function keepSmall(entry: Entry): Promise<Entry> {
  const { content, expected } = entry;
  if (typeof content !== "string" || expected !== undefined) return entry;
  try {
    const { size } = await Deno.stat(content);
    if (size > KEPT_SIZE) return entry;
    return { ...entry, content: await Deno.readFile(content) };
  } catch (error) {
    throw fileError("read", content, error);
  }
}

/**
 * Reads an entry's content for its size and digests. A small file's content is a
 * part of the result.
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
  const kept = await keepSmall(entry);
  const hash = createHash("sha256");
  const pool = new ChunkPool();
  let size = 0;
  let sum = 0;
  for await (const chunk of readContent(kept, signal, pool)) {
    if (known === undefined) hash.update(chunk);
    sum = crc32(chunk, sum);
    size += chunk.length;
    pool.give(chunk);
  }
  const sha256 = known ?? hash.digest("hex");
  requireExpected(entry, sha256);
  return { ...kept, size, sha256, crc32: sum };
}

/**
 * The bytes of an entry again, for packing.
 *
 * @param pool Where the chunks' memory comes from; who has used a chunk may give it
 * back.
 * @throws {KrunnerError} If they are not those of its digests.
 * @throws {CancelledError} If the signal is aborted.
 */
export async function* readAgain(
  entry: DigestedEntry,
  signal: AbortSignal,
  pool = new ChunkPool(),
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const hash = createHash("sha256");
  let sum = 0;
  let rest = entry.size;
  for await (const chunk of readContent(entry, signal, pool)) {
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
